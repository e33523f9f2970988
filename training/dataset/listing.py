# SPDX-License-Identifier: Apache-2.0
"""Lists the classes and photos in a folder, and what is neither."""

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
    """The class folders in a folder, in a fixed order."""
    return [item for item in sorted(folder.iterdir()) if is_class(item.name) and item.is_dir()]


def is_class(name: str) -> bool:
    """Whether a folder of this name is a class, and neither a helper's nor the empty views."""
    return visible(name) and name != BACKGROUND


def files_in(folder: Path, root: Path) -> tuple[list[str], list[str]]:
    """Paths, relative to ``root``, of what lies in a folder, and of what helpers put there.

    Among the first are links that lead nowhere or to a folder, pipes and devices: they cannot be
    used and are not left out without a word.
    """
    found = [
        item.relative_to(root)
        for item in folder.rglob("*")
        if item.is_symlink() or not item.is_dir()
    ]
    inside = len(folder.relative_to(root).parts)
    seen = [item.as_posix() for item in found if all(map(visible, item.parts[inside:]))]
    helpers = [item.as_posix() for item in found if not all(map(visible, item.parts[inside:]))]
    return seen, sorted(helpers)
