# SPDX-License-Identifier: Apache-2.0
"""Says what a folder that is no folder of class folders looks like, and what is expected."""

import re
from collections.abc import Sequence
from pathlib import Path

from training.dataset.listing import SUFFIXES, is_class, visible

EXPECTED = "expected <class>/<photo>.jpg"
_SPLIT = re.compile(
    r"(train(ing)?|val(id(ation)?)?|dev|test(ing)?|eval(uation)?|hold[ _-]?out)"
    r"([ _-]?(set|data|images?|imgs|photos|split|[0-9]+))*",
    re.IGNORECASE,
)


def misread(dataset: Path, folders: Sequence[Path]) -> str:
    """Why these folders are not classes but something else, or nothing."""
    splits = [folder for folder in folders if _SPLIT.fullmatch(folder.name)]
    nested = [folder for folder in splits if _classes_in(folder)]
    if nested or (splits and len(splits) == len(folders)):
        names = ", ".join(folder.name for folder in nested or splits)
        inside = _classes_in(nested[0]) if nested else []
        found = f" of class folders ({', '.join(inside[:5])})" if inside else ""
        return (
            f"{names} look like splits{found}, not like classes; {EXPECTED}: put the photos of all "
            "splits into one folder for each class: prepare divides them itself, with copies and "
            "shots of one item on one side"
        )
    if len(folders) == 1 and len(inside := _classes_in(folders[0])) > 1:
        return (
            f"its class folders ({', '.join(inside[:5])}) lie one folder further down: pass "
            f"{dataset / folders[0].name}"
        )
    return ""


def _classes_in(folder: Path) -> list[str]:
    """The folders with photos inside a folder that has no photo of its own."""
    if any(_is_photo(item) for item in folder.iterdir()):
        return []
    inside = sorted(item for item in folder.iterdir() if is_class(item.name) and item.is_dir())
    return [item.name for item in inside if any(_is_photo(photo) for photo in item.iterdir())]


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and visible(path.name) and not path.is_dir()
