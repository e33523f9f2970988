# SPDX-License-Identifier: Apache-2.0
"""Writes the prepared folder: complete or empty, with ``dataset.json`` as its last file."""

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contracts.atomic_file import write_file
from training.dataset.listing import SPLITS
from training.dataset.photos import Photo
from training.sagemaker_job import StepError

DATASET_FILE = "dataset.json"
REPORT_FOLDER = "report"
CHECKED_FOLDER = "checked"
BACKGROUND_FOLDER = "background"
"""Empty views, for training to put items on."""


@contextmanager
def fresh(dataset: Path, output: Path) -> Iterator[Path]:
    """An emptied output folder; gives the work folder inside it, and clears all if the step ends
    in an error.
    """
    _claim(dataset.resolve(), output.resolve())
    clear(output)
    checked = output / CHECKED_FOLDER
    try:
        checked.mkdir(parents=True)
        yield checked
    except BaseException as error:
        clear(output)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = os.strerror(error.errno)
            raise StepError(
                f"output {output}: {reason}; the photos that training uses are copied here, so it "
                "needs about as much space as the dataset has. Nothing was left behind"
            ) from error
        raise


def place(parts: Mapping[str, Mapping[str, list[Photo]]], output: Path) -> None:
    """Move the stored photos to ``<split>/<class>/``."""
    for split, by_class in parts.items():
        for name, members in by_class.items():
            folder = output / split / name
            folder.mkdir(parents=True)
            for index, photo in enumerate(members):
                photo.stored.rename(folder / stored_name(index, photo))


def place_backgrounds(backgrounds: Sequence[Photo], output: Path) -> None:
    """Move the empty views to ``background/``; without any there is no such folder."""
    for index, photo in enumerate(backgrounds):
        folder = output / BACKGROUND_FOLDER
        folder.mkdir(exist_ok=True)
        photo.stored.rename(folder / stored_name(index, photo))


def stored_name(index: int, photo: Photo) -> str:
    """The name in the prepared folder. The number keeps x.jpg and sub/x.png apart."""
    return f"{index:05d}-{Path(photo.path).stem}{photo.stored.suffix}"


def finish(document: Mapping[str, Any], output: Path) -> None:
    """Remove the work folder and write ``dataset.json``, which says that all the rest is there."""
    text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write_file(output / DATASET_FILE, text, durable=True)
    shutil.rmtree(output / CHECKED_FOLDER)


def clear(output: Path) -> None:
    """Remove an earlier result, its marker first, so that half of it is never taken for whole."""
    (output / DATASET_FILE).unlink(missing_ok=True)
    # The work folder goes last: as long as it is there, the rest is known to be prepare's.
    for name in (*SPLITS, BACKGROUND_FOLDER, REPORT_FOLDER, CHECKED_FOLDER):
        if (output / name).exists():
            shutil.rmtree(output / name)


def _claim(dataset: Path, output: Path) -> None:
    """Refuse a folder in which clearing an earlier result could delete photos of the user."""
    if output.is_relative_to(dataset) or dataset.is_relative_to(output):
        raise StepError(f"output {output} and dataset {dataset}: one is inside the other")
    if not output.exists():
        return
    found = {path.name for path in output.iterdir()}
    ours = found & {DATASET_FILE, CHECKED_FOLDER}
    if found & {*SPLITS, BACKGROUND_FOLDER, REPORT_FOLDER} and not ours:
        raise StepError(f"output {output}: has folders that prepare did not write")
