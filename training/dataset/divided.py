# SPDX-License-Identifier: Apache-2.0
"""Datasets that are divided already: class folders in split folders, or the other way round."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from contracts.helper_files import visible
from training.dataset.listing import BACKGROUND, SPLIT_FILE, DatasetError, files_in, folders_in


def link_splits(
    path: Path, splits: Sequence[tuple[Path, str]], target: Path, *, called: str
) -> list[str]:
    """Make class folders of links, ``<class>/<split folder>/<photo>``, of split folders in ``path``
    and write the split of each photo beside them.

    Returns notes for people. Raises DatasetError for a class without photos to train on.
    """
    given: dict[str, str] = {}
    loose = 0
    for folder, split in splits:
        loose += sum(item.is_file() and visible(item.name) for item in folder.iterdir())
        for inside in folders_in(folder):
            for name in files_in(inside, inside)[0]:
                below = f"{inside.name}/{folder.name}/{name}"
                link(inside / name, target / below)
                given[below] = split
    _link_views([path, *(folder for folder, _ in splits)], target)
    _require_trained(given, called)
    found = [f"{folder.name} as {split}" for folder, split in splits]
    notes = [f"divided already: the split is kept ({', '.join(found)})"]
    notes += _write(given, target)
    if loose:
        notes.append(f"left out {loose} files that lie in a split and in no class folder")
    return notes


def link_splits_inside(
    path: Path, splits: Sequence[tuple[Path, str]], target: Path, *, called: str
) -> list[str]:
    """The same for split folders inside class folders, which stay as they are."""
    given: dict[str, str] = {}
    for folder, split in splits:
        for name in files_in(folder, folder)[0]:
            below = f"{folder.parent.name}/{folder.name}/{name}"
            link(folder / name, target / below)
            given[below] = split
    _link_views([path], target)
    _require_trained(given, called)
    found = sorted({f"{folder.name} as {split}" for folder, split in splits})
    note = f"divided already inside the class folders: the split is kept ({', '.join(found)})"
    return [note, *_write(given, target)]


def link(file: Path, place: Path) -> None:
    """Make a link to a file, with the folders that it is in; a link to nothing stays one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(file)


def _link_views(folders: Sequence[Path], target: Path) -> None:
    """The empty views that lie in any of these folders."""
    for views in (folder / BACKGROUND for folder in folders):
        for name in files_in(views, views)[0]:
            link(views / name, target / BACKGROUND / f"{views.parent.name}/{name}")


def _write(given: Mapping[str, str], target: Path) -> Iterator[str]:
    (target / SPLIT_FILE).write_text(json.dumps({"splits": given}), encoding="utf-8")
    counts = Counter(given.values())
    missing = [split for split in ("validation", "test") if not counts[split]]
    if missing:
        yield f"no {' and no '.join(missing)} photos given: they are taken out of train"


def _require_trained(given: Mapping[str, str], called: str) -> None:
    by_split: dict[str, set[str]] = defaultdict(set)
    for below, split in given.items():
        by_split[split].add(below.split("/", 1)[0])
    trained = {name.casefold() for name in by_split["train"]}
    # What differs in letter case only is said where classes are listed.
    names = sorted(set().union(*by_split.values()))
    if untrained := [name for name in names if name.casefold() not in trained]:
        raise DatasetError(
            f"{called}: no photos to train on for {', '.join(untrained)}, which only validation or "
            "test has; put some into train or remove the folders"
        )
