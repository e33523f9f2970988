# SPDX-License-Identifier: Apache-2.0
"""Finds the files of a dataset and says which class names can be used."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from training.dataset.listing import BACKGROUND, files_in, is_class
from training.dataset.shape import EXPECTED, misread
from training.sagemaker_job import StepError

_PUNCTUATION = frozenset(" -_.'()&+")
_LONGEST_NAME = 64


@dataclass(frozen=True)
class Source:
    """A file in a class folder; ``path`` is relative to the dataset, with forward slashes."""

    path: str
    class_name: str


def list_sources(dataset: Path) -> list[Source]:
    """All files of all class folders, in a fixed order.

    Raises StepError where the dataset cannot be one: missing, without class folders, with a single
    class, with an empty class folder or with a class name that cannot be used.
    """
    if not dataset.is_dir():
        raise StepError(f"dataset {dataset}: no such folder")
    folders = [item for item in sorted(dataset.iterdir()) if is_class(item.name) and item.is_dir()]
    if not folders:
        raise StepError(f"dataset {dataset}: no class folders; {EXPECTED}")
    if wrong := misread(dataset, folders):
        raise StepError(f"dataset {dataset}: {wrong}")
    if len(folders) == 1:
        raise StepError(
            f"dataset {dataset}: one class only ({folders[0].name}); two or more are needed"
        )
    try:
        names = class_names([folder.name for folder in folders])
    except ValueError as error:
        raise StepError(f"dataset {dataset}: {error}") from error
    sources: list[Source] = []
    for folder, name in zip(folders, names, strict=True):
        paths, _ = files_in(folder, dataset)
        if not paths:
            raise StepError(f"dataset {dataset}: class folder {folder.name!r} is empty")
        if strange := [path for path in paths if not is_unicode(path)]:
            raise StepError(f"dataset {dataset}: file name {strange[0]!a} is not UTF-8; rename it")
        sources.extend(Source(path, name) for path in sorted(paths, key=natural))
    return sources


def list_backgrounds(dataset: Path) -> list[Source]:
    """The empty views that the dataset brings, in a fixed order; their class is ``_background``."""
    folder = dataset / BACKGROUND
    paths, _ = files_in(folder, dataset)
    return [Source(path, BACKGROUND) for path in sorted(paths, key=natural) if is_unicode(path)]


def list_helpers(dataset: Path) -> list[str]:
    """Files beside the photos that a desktop or network storage put there; they are left out."""
    folders = [item for item in sorted(dataset.iterdir()) if is_class(item.name) and item.is_dir()]
    return [path for folder in folders for path in files_in(folder, dataset)[1]]


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
        if wrong := _name_problem(name):
            raise ValueError(f"class folder {folder!r}: {wrong}")
        other = seen.setdefault(name.casefold(), folder)
        if other != folder:
            raise ValueError(
                f"class folders {other!r} and {folder!r} differ only in letter case or in how "
                "letters are encoded; put their photos into one"
            )
        names.append(name)
    return names


def _name_problem(name: str) -> str:
    """Why a class name cannot be used, or nothing."""
    for letter in name:
        # L, M, N: letters, the marks on them, digits, of any script.
        if unicodedata.category(letter)[0] not in "LMN" and letter not in _PUNCTUATION:
            return (
                f"{letter!r} is not allowed; allowed: letters, digits, spaces and - _ . ' ( ) & +"
            )
    if name != name.strip() or name.startswith((".", "_", "-")) or name.endswith("."):
        return "a name begins with a letter or digit, and ends with neither a space nor a dot"
    if len(name) > _LONGEST_NAME:
        return f"{len(name)} characters; allowed: at most {_LONGEST_NAME}"
    return ""


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
