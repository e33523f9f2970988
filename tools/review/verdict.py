# SPDX-License-Identifier: Apache-2.0
"""All sections over one environment, and what they add up to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tools.review.assets import asset_items
from tools.review.cost import cost_items
from tools.review.exposure import exposure_items
from tools.review.findings import finding_items
from tools.review.greengrass import greengrass_items
from tools.review.iam import iam_items
from tools.review.iot_sql import iot_items
from tools.review.model import Assembly, Item, Level, Pair
from tools.review.pipeline import pipeline_items
from tools.review.resources import resource_items
from tools.review.retention import retention_items
from tools.review.stack_changes import stack_items

SECTIONS: tuple[Callable[[Pair], list[Item]], ...] = (
    stack_items,
    resource_items,
    iam_items,
    exposure_items,
    retention_items,
    greengrass_items,
    pipeline_items,
    iot_items,
    finding_items,
    cost_items,
    asset_items,
)


@dataclass(frozen=True)
class Noted:
    """An item with the environments it holds for."""

    item: Item
    environments: tuple[str, ...]


def items_of(pair: Pair) -> list[Item]:
    """Everything that the sections say about one environment."""
    return [item for section in SECTIONS for item in section(pair)]


def verdict(items: Sequence[Item]) -> Level:
    """The highest level of all items; an environment without changes is safe."""
    return max((item.level for item in items), default=Level.SAFE)


def merged(pairs: Sequence[Pair], found: Sequence[Sequence[Item]]) -> list[Noted]:
    """Items that say the same for several environments as one.

    What differs between environments by name only (account, region, prefix) is compared under a
    placeholder, and shown with its value where an item concerns one environment.
    """
    groups: dict[Item, list[tuple[str, Item]]] = {}
    for pair, items in zip(pairs, found, strict=True):
        for item in items:
            groups.setdefault(_masked(item, pair.head or pair.base), []).append(
                (pair.environment, item)
            )
    noted = []
    for masked, members in groups.items():
        names = tuple(dict.fromkeys(name for name, _ in members))
        noted.append(Noted(members[0][1] if len(names) == 1 else masked, names))
    return noted


def _masked(item: Item, assembly: Assembly | None) -> Item:
    if assembly is None or not assembly.stacks:
        return item
    stack = next(iter(assembly.stacks.values()))
    names = [
        (assembly.prefix, "<prefix>"),
        (stack.account, "<account>"),
        (stack.region, "<region>"),
    ]

    def mask(text: str) -> str:
        for value, placeholder in names:
            if value:
                text = text.replace(value, placeholder)
        return text

    return replace(
        item,
        subject=mask(item.subject),
        text=mask(item.text),
        details=tuple(map(mask, item.details)),
    )
