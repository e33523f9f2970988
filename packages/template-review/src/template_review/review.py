# SPDX-License-Identifier: Apache-2.0
"""One review: synthesise base and head, compare them, judge."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

from template_review.comparison import differ
from template_review.config import Config, load
from template_review.cost.estimate import monthly
from template_review.errors import ReviewError
from template_review.files.changes import changed_files, file_items
from template_review.model import Assembly, Level, Pair, Project, Section
from template_review.resources.items import counts
from template_review.resources.outsiders import Ours
from template_review.synthesis import synthesise as synthesis
from template_review.synthesis import tree
from template_review.synthesis.cache import Cache
from template_review.verdict import Noted, items_of, merged, verdict


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
    project: Project = field(default_factory=Project)

    @property
    def unchanged(self) -> bool:
        """Whether no template, asset or rule finding differs."""
        return all(noted.item.section is Section.OUTSIDE for noted in self.noted)


def review(
    root: Path, reference: str, only: Sequence[str] = (), config: Config | None = None
) -> Review:
    """Compare the working tree with a base, by default as its pyproject.toml says.

    Raises ReviewError where that is not possible.
    """
    config = config or load(root)
    project = config.project
    base = tree.resolve(reference, root)
    before, head = assemblies(root, base, config)
    unknown = sorted(set(only) - {*head, *before})
    if unknown:
        raise ReviewError(
            f"environment {unknown[0]!r}: there is none of that name, neither here nor in "
            f"{reference}; there are: {', '.join(sorted({*head, *before})) or 'none'}"
        )
    names = [name for name in sorted({*head, *before}) if not only or name in only]
    pairs = differ.compare(
        [(name, before.get(name), head.get(name)) for name in names], root=root, project=project
    )
    found = judged(pairs, base.described if reference == base.commit else _named(base))
    ours = Ours.of(*before.values(), *head.values(), known=project.known_accounts)
    files = file_items(changed_files(root, base.commit), project, ours)
    return replace(
        found,
        note=tree.other_packages(root, base.commit, config),
        level=max(found.level, verdict(files)),
        noted=[*found.noted, *(Noted(item, ("files",)) for item in files)],
    )


def assemblies(
    root: Path, base: tree.Base, config: Config
) -> tuple[dict[str, Assembly], dict[str, Assembly]]:
    """Every environment of the base and of the working tree. Raises ReviewError."""
    tools = tree.toolchain(root, config)
    cache = Cache(root / config.cache)
    base_key = f"{tree.key_of_commit(root, base.commit, config)}-{tools}"
    head_key = f"{tree.key_of_working_tree(root, config)}-{tools}"
    makers = {head_key: lambda: synthesis.synthesise(root, "the working tree", config)}
    makers.setdefault(base_key, lambda: _base(base, root, config))
    made = _synthesised(makers, cache)
    if tree.key_of_working_tree(root, config) != head_key.split("-", 1)[0]:
        cache.forget(head_key)
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
            cost_before=_cost(pair.base, pair.project),
            cost_after=_cost(pair.head, pair.project),
        )
        for pair, items in zip(pairs, found, strict=True)
    ]
    level = max((each.level for each in environments), default=Level.SAFE)
    project = pairs[0].project if pairs else Project()
    return Review(base, level, environments, merged(pairs, found), project=project)


def _base(base: tree.Base, root: Path, config: Config) -> dict[str, Assembly]:
    what = f"base {base.reference} ({base.commit[:8]})"
    with tree.unpacked(base, root, config) as folder:
        return synthesis.synthesise(folder, what, config)


def _named(base: tree.Base) -> str:
    return f"{base.reference}: {base.described}"


def _cost(assembly: Assembly | None, project: Project) -> float | None:
    return None if assembly is None else sum(monthly(assembly, project).values())
