# SPDX-License-Identifier: Apache-2.0
"""Finds the files of a dataset and says which class names can be used."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from contracts.class_names import name_problem
from contracts.given import parsed_json
from contracts.helper_files import visible
from contracts.text_file import decoded_text
from training.dataset.listing import (
    BACKGROUND,
    EXPECTED,
    SPLIT_FILE,
    SPLITS,
    SUFFIXES,
    DatasetError,
    files_in,
    folders_in,
)
from training.dataset.shape import misread, without_classes


@dataclass(frozen=True)
class Source:
    """A file in a class folder; ``path`` is relative to the dataset, with forward slashes."""

    path: str
    class_name: str


def list_sources(dataset: Path, *, called: str = "") -> list[Source]:
    """All files of all class folders, in a fixed order. ``called`` names the dataset in errors.

    Raises DatasetError where the dataset cannot be one: missing, without class folders, with a
    single class, with an empty class folder or with a name that cannot be used.
    """
    called = called or f"dataset {dataset}"
    folders = _class_folders(dataset, called)
    try:
        names = class_names([folder.name for folder in folders])
    except ValueError as error:
        raise DatasetError(f"{called}: {error}") from error
    sources: list[Source] = []
    for folder, name in zip(folders, names, strict=True):
        found = _files_of(folder, dataset, name, called)
        if not found:
            raise DatasetError(
                f"{called}: class folder {folder.name!r} has no photo ({', '.join(SUFFIXES)}); "
                "add some or remove the folder"
            )
        sources.extend(found)
    return sources


def list_backgrounds(dataset: Path, *, called: str = "") -> list[Source]:
    """The empty views that the dataset brings, in a fixed order; their class is ``_background``."""
    return _files_of(dataset / BACKGROUND, dataset, BACKGROUND, called or f"dataset {dataset}")


def list_helpers(dataset: Path) -> list[str]:
    """Files beside the photos that a desktop or network storage put there; they are left out."""
    return [path for folder in folders_in(dataset) for path in files_in(folder, dataset)[1]]


def list_loose(dataset: Path) -> list[str]:
    """Photos that lie beside the class folders, in no class; they are left out."""
    found = (item for item in dataset.iterdir() if item.suffix.lower() in SUFFIXES)
    return sorted(item.name for item in found if visible(item.name) and not item.is_dir())


def given_splits(dataset: Path) -> dict[str, str]:
    """The split of each photo that the dataset itself gives; empty where it gives none.

    Raises DatasetError where its file cannot be read.
    """
    path = dataset / SPLIT_FILE
    if not path.is_file():
        return {}
    try:
        document = parsed_json(decoded_text(path.read_bytes()))
    except ValueError as error:
        raise DatasetError(f"{path.name}: not JSON: {error}") from error
    splits = document.get("splits") if isinstance(document, dict) else None
    if not isinstance(splits, dict):
        raise DatasetError(f"{path.name}: key 'splits' is missing; expected photo to split")
    for photo, split in splits.items():
        if split not in SPLITS:
            raise DatasetError(
                f"{path.name}: {photo!r} is in {split!r}; allowed: {', '.join(SPLITS)}"
            )
    return splits


def _class_folders(dataset: Path, called: str) -> list[Path]:
    """Two folders or more that look like classes."""
    if not dataset.is_dir():
        raise DatasetError(f"{called}: there is no such folder")
    folders = folders_in(dataset)
    if not folders:
        looks = without_classes(dataset)
        raise DatasetError(f"{called}: no class folders{looks and ': ' + looks}; {EXPECTED}")
    divided = (dataset / SPLIT_FILE).is_file()
    if wrong := misread(dataset, folders, divided=divided):
        raise DatasetError(f"{called}: {wrong}")
    if len(folders) == 1:
        loose = sum(item.suffix.lower() in SUFFIXES for item in dataset.iterdir())
        beside = f"; {loose} photos lie beside it, in no class" if loose else ""
        raise DatasetError(
            f"{called}: one class only ({folders[0].name}); two or more are needed{beside}; "
            f"{EXPECTED}"
        )
    return folders


def _files_of(folder: Path, dataset: Path, name: str, called: str) -> list[Source]:
    paths, _ = files_in(folder, dataset)
    if strange := [path for path in paths if not is_unicode(path)]:
        raise DatasetError(f"{called}: file name {strange[0]!a} is not UTF-8; rename it")
    return [Source(path, name) for path in sorted(paths, key=natural)]


def class_names(folders: list[str]) -> list[str]:
    """The class that each folder stands for.

    A class name travels: into S3 keys, the model card, messages and a city's bin policy, which
    does not tell upper from lower case. Spaces and letters of any script are welcome. The name is
    kept in Unicode's composed form (NFC), because a file system may have taken "é" apart. Raises
    ValueError naming a folder whose name cannot be used.
    """
    names: list[str] = []
    seen: dict[str, str] = {}
    for folder in folders:
        name = unicodedata.normalize("NFC", folder)
        if wrong := name_problem(name):
            raise ValueError(f"class folder {folder!r}: {wrong}")
        other = seen.setdefault(name.casefold(), folder)
        if other != folder:
            raise ValueError(
                f"class folders {other!r} and {folder!r} differ only in letter case or in how "
                "letters are encoded; put their photos into one"
            )
        names.append(name)
    return names


def is_unicode(path: str) -> bool:
    """Whether a path can be written into a report; old archives have names that cannot."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts glass9 before glass10: neighbouring shots have neighbouring numbers."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return tuple(
        (0, int(part), part) if part[0] in "0123456789" else (1, 0, part) for part in parts
    )
