# SPDX-License-Identifier: Apache-2.0
"""All sections over one environment, and what they add up to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from template_review.cost.estimate import cost_items
from template_review.iam.items import iam_items
from template_review.iot.greengrass import greengrass_items
from template_review.iot.sql import iot_items
from template_review.kinds.assets import asset_items
from template_review.kinds.authentication import authentication_items
from template_review.kinds.exposure import exposure_items
from template_review.kinds.findings import finding_items
from template_review.kinds.gates import gate_items
from template_review.kinds.retention import retention_items
from template_review.kinds.safeguards import safeguard_items
from template_review.kinds.step_functions import machine_items
from template_review.kinds.watchers import watcher_items
from template_review.model import Assembly, Item, Level, Pair, Section
from template_review.resources.items import resource_items
from template_review.resources.outsiders import outsider_items
from template_review.resources.stack_changes import stack_items
from template_review.sagemaker.pipeline import pipeline_items

Judge = Callable[[Pair], list[Item]]
SECTIONS: tuple[Judge, ...] = (
    stack_items,
    machine_items,
    iam_items,
    exposure_items,
    authentication_items,
    retention_items,
    safeguard_items,
    pipeline_items,
    iot_items,
    finding_items,
    cost_items,
    watcher_items,
    asset_items,
    greengrass_items,
    gate_items,
)


@dataclass(frozen=True)
class Noted:
    """An item with the environments it holds for."""

    item: Item
    environments: tuple[str, ...]


def items_of(pair: Pair) -> list[Item]:
    """Everything that the sections say about one environment, each cause once."""
    outsiders = outsider_items(pair)
    sections = (*SECTIONS, *pair.project.sections)
    found = _once([*outsiders, *(item for section in sections for item in _of(section, pair))])
    claims = {claim for item in found for claim in item.claims}
    return _together([*found, *resource_items(pair, claims)])


def _of(section: Judge, pair: Pair) -> list[Item]:
    """What a section says. One that cannot read a template says so, and is never taken for safe:
    CloudFormation allows a function of the template in nearly every place."""
    try:
        return section(pair)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        name = section.__name__.removesuffix("_items").replace("_", " ")
        text = (
            f"not judged: {name}, because a value has a form that the review cannot read "
            f"({type(error).__name__}: {error}); look at every change of this kind yourself"
        )
        return [Item(Section.RESOURCES, Level.LOOK, "the review", text, "~")]


def _once(items: Sequence[Item]) -> list[Item]:
    """Without what a graver item says about the same value."""
    gravest: dict[str, Level] = {}
    for item in items:
        for claim in item.claims:
            gravest[claim] = max(gravest.get(claim, Level.SAFE), item.level)
    found, said = [], set()
    for item in items:
        if item.claims and all(gravest[claim] > item.level for claim in item.claims):
            continue
        key = (item.claims, item.level)
        # Two sections that say the same of one value; within a section each line is its own.
        if item.claims and key in said and (item.section, *key) not in said:
            continue
        said |= {key, (item.section, *key)}
        found.append(item)
    return found


def _together(items: Sequence[Item]) -> list[Item]:
    """Items with the same cause as one, with what it holds for as its details."""
    groups: dict[tuple[object, ...], list[Item]] = {}
    for number, item in enumerate(items):
        key = (item.section, item.level, item.sign, item.cause) if item.cause else (number,)
        groups.setdefault(key, []).append(item)
    return [members[0] if len(members) == 1 else _joined(members) for members in groups.values()]


def _joined(members: Sequence[Item]) -> Item:
    subjects = tuple(dict.fromkeys(item.subject for item in members))
    first = members[0]
    if len(subjects) == 1:
        others = dict.fromkeys(item.text for item in members[1:])
        return replace(first, details=(*first.details, *(f"also: {text}" for text in others)))
    what = "stacks" if first.section is Section.STACKS else "resources"
    details = (*first.details, *subjects)
    return replace(first, subject=f"{len(subjects)} {what}", details=details)


def verdict(items: Sequence[Item]) -> Level:
    """The highest level of all items; an environment without changes is safe."""
    return max((item.level for item in items), default=Level.SAFE)


def merged(pairs: Sequence[Pair], found: Sequence[Sequence[Item]]) -> list[Noted]:
    """Items that say the same for several environments as one.

    What differs between environments by name only (account, region, prefix) is compared under a
    placeholder, and shown with its value where an item concerns one environment.
    """
    same: dict[Item, list[Pair]] = {}
    for pair, items in zip(pairs, found, strict=True):
        for item in items:
            same.setdefault(item, []).append(pair)
    noted: dict[Item, list[tuple[Item, Pair]]] = {}
    for item, members in same.items():
        # What is equal everywhere as it stands names no environment by accident.
        first = members[0]
        key = _masked(item, first.head or first.base) if len(members) == 1 else item
        noted.setdefault(key, []).extend((item, pair) for pair in members)
    result = []
    for masked, places in noted.items():
        names = tuple(dict.fromkeys(pair.environment for _, pair in places))
        raw = {item for item, _ in places}
        result.append(Noted(raw.pop() if len(raw) == 1 else masked, names))
    return result


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
