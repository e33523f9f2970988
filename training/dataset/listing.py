# SPDX-License-Identifier: Apache-2.0
"""Lists the classes and photos in a folder, and what is neither."""

import os
from pathlib import Path

from contracts.helper_files import visible
from training.sagemaker_job import StepError

SUFFIXES = (".jpg", ".jpeg", ".png")
SPLITS = ("train", "validation", "test")
MINIMUM_PHOTOS = 10
"""Different photos that each class needs at least."""
BACKGROUND = "_background"
"""A folder beside the classes: views of the cameras with nothing on them."""
SPLIT_FILE = "_split.json"
"""A file beside the classes: ``{"splits": {"<class>/<photo>": "train|validation|test"}}``."""
EXPECTED = (
    "expected class folders (<class>/<photo>.jpg), or train, validation and test folders of class "
    "folders, or the output manifest of a SageMaker Ground Truth job for image classification, or "
    "a zip of one of these"
)


class DatasetError(StepError):
    """This cannot be a dataset; the message names what was given, what it is, what is taken."""


def folders_in(folder: Path) -> list[Path]:
    """The class folders in a folder, in a fixed order. Raises DatasetError for one that may not be
    read."""
    _require_readable(folder)
    found = [item for item in sorted(folder.iterdir()) if is_class(item.name) and item.is_dir()]
    for item in found:
        _require_readable(item)
    return found


def _require_readable(folder: Path) -> None:
    # Walking through folders leaves such a one out without a word.
    if not os.access(folder, os.R_OK | os.X_OK):
        raise DatasetError(f"{folder}: permission denied; this user must be able to read it")


def is_class(name: str) -> bool:
    """Whether a folder of this name is a class, and neither a helper's nor the empty views."""
    return visible(name) and name != BACKGROUND


def files_in(folder: Path, root: Path) -> tuple[list[str], list[str]]:
    """Paths, relative to ``root``, of what lies in a folder, and of what helpers put there.

    Among the first are links that lead nowhere or to a folder, pipes and devices: they cannot be
    used and are not left out without a word. Raises DatasetError for a folder that may not be read.
    """
    found = []
    for item in folder.rglob("*"):
        if item.is_symlink() or not item.is_dir():
            found.append(item.relative_to(root))
        elif visible(item.name):
            _require_readable(item)
    inside = len(folder.relative_to(root).parts)
    seen = [item.as_posix() for item in found if all(map(visible, item.parts[inside:]))]
    helpers = [item.as_posix() for item in found if not all(map(visible, item.parts[inside:]))]
    return seen, sorted(helpers)
