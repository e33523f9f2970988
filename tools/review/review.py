# SPDX-License-Identifier: Apache-2.0
"""One review: synthesise base and head, compare them, judge."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from tools.review import differ, synthesis, tree
from tools.review.cache import Cache
from tools.review.cost import monthly
from tools.review.errors import ReviewError
from tools.review.model import Assembly, Level, Pair, Section
from tools.review.outside import changed_files, file_items
from tools.review.outsiders import Ours
from tools.review.project import current
from tools.review.resources import counts
from tools.review.verdict import Noted, items_of, merged, verdict


@dataclass(frozen=True)
class Environment:
    """One environment's part of a review."""

    name: str
    level: Level
    counts: Mapping[str, int]
    cost_before: float | None
    cost_after: float | None


@dataclass(frozen=True)
class Review:
    """What is written down and shown."""

    base: str
    level: Level
    environments: Sequence[Environment]
    noted: Sequence[Noted]
    note: str = ""

    @property
    def unchanged(self) -> bool:
        """Whether no template, asset or rule finding differs."""
        return all(noted.item.section is Section.OUTSIDE for noted in self.noted)


def review(root: Path, reference: str, only: Sequence[str] = ()) -> Review:
    """Compare the working tree with a base. Raises ReviewError where that is not possible."""
    base = tree.resolve(reference, root)
    before, head = assemblies(root, base)
    unknown = sorted(set(only) - {*head, *before})
    if unknown:
        raise ReviewError(
            f"environment {unknown[0]!r}: no such file in environments/, neither here nor in "
            f"{reference}; there are: {', '.join(sorted({*head, *before})) or 'none'}"
        )
    names = [name for name in sorted({*head, *before}) if not only or name in only]
    pairs = differ.compare([(name, before.get(name), head.get(name)) for name in names])
    found = judged(pairs, base.described if reference == base.commit else _named(base))
    project = current()
    ours = Ours.of(*before.values(), *head.values(), known=project.known_accounts)
    files = file_items(changed_files(root, base.commit), project, ours)
    return replace(
        found,
        note=tree.other_packages(root, base.commit),
        level=max(found.level, verdict(files)),
        noted=[*found.noted, *(Noted(item, ("files",)) for item in files)],
    )


def assemblies(root: Path, base: tree.Base) -> tuple[dict[str, Assembly], dict[str, Assembly]]:
    """Every environment of the base and of the working tree. Raises ReviewError."""
    tools = tree.toolchain(root)
    base_key = f"{tree.key_of_commit(root, base.commit)}-{tools}"
    head_key = f"{tree.key_of_working_tree(root)}-{tools}"
    makers = {head_key: lambda: synthesis.synthesise(root, "the working tree")}
    makers.setdefault(base_key, lambda: _base(base, root))
    made = _synthesised(makers, Cache(root))
    if tree.key_of_working_tree(root) != head_key.split("-", 1)[0]:
        Cache(root).forget(head_key)
    return made[base_key], made[head_key]


def _synthesised(
    makers: Mapping[str, Callable[[], dict[str, Assembly]]], cache: Cache
) -> dict[str, dict[str, Assembly]]:
    """What the cache lacks is made, base and head at the same time."""
    found = {key: known for key in makers if (known := cache.load(key)) is not None}
    synthesis.resume()
    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = {}
        try:
            # Inside, or a signal between two submissions would wait for the synth that runs.
            for key, make in makers.items():
                if key not in found:
                    futures[key] = pool.submit(make)
            for future in as_completed(futures.values()):
                future.result()
        except BaseException:
            # The other synth may run for half a minute; its result is of no use any more.
            synthesis.stop()
            raise
    for key, future in futures.items():
        found[key] = future.result()
        cache.keep(key, found[key])
    return found


def judged(pairs: Sequence[Pair], base: str) -> Review:
    """The review of pairs that are already compared."""
    found = [items_of(pair) for pair in pairs]
    environments = [
        Environment(
            name=pair.environment,
            level=verdict(items),
            counts=counts(pair),
            cost_before=_cost(pair.base),
            cost_after=_cost(pair.head),
        )
        for pair, items in zip(pairs, found, strict=True)
    ]
    level = max((each.level for each in environments), default=Level.SAFE)
    return Review(base, level, environments, merged(pairs, found))


def _base(base: tree.Base, root: Path) -> dict[str, Assembly]:
    what = f"base {base.reference} ({base.commit[:8]})"
    with tree.unpacked(base, root) as folder:
        return synthesis.synthesise(folder, what)


def _named(base: tree.Base) -> str:
    return f"{base.reference}: {base.described}"


def _cost(assembly: Assembly | None) -> float | None:
    return None if assembly is None else sum(monthly(assembly).values())
