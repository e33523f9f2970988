# SPDX-License-Identifier: Apache-2.0
"""A folder of photos becomes a dataset: every photo is looked at, then uploaded with a manifest."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

SUFFIXES = (".jpg", ".jpeg", ".png")


class DatasetError(Exception):
    """The folder cannot be a dataset; the message names the folder, class or photos."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A folder of class folders. ``photos`` are paths relative to ``folder``: ``glass/a.jpg``."""

    folder: Path
    photos: tuple[str, ...]
    unreadable: tuple[str, ...]

    @property
    def classes(self) -> dict[str, int]:
        """How many photos each class has."""
        counts: dict[str, int] = {}
        for photo in self.photos:
            name = photo.split("/", 1)[0]
            counts[name] = counts.get(name, 0) + 1
        return counts


def check_dataset(folder: Path, *, skip_bad: bool = False) -> Dataset:
    """Look at every photo of a folder of class folders.

    Raises DatasetError that names what is wrong: the folder is missing, a class is empty, there
    are fewer than two classes, or photos cannot be read. With ``skip_bad`` unreadable photos are
    left out and counted instead.
    """
    if not folder.is_dir():
        raise DatasetError(f"DATASET={folder}: there is no such folder")
    classes = sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    if len(classes) < 2:
        loose = len(_photos(folder))
        raise DatasetError(
            f"DATASET={folder}: {len(classes)} class folder(s); a classifier needs at least two, "
            "each with its photos (DATASET/<class>/*.jpg)"
            + (f"; {loose} photos lie beside them, in no class" if loose else "")
        )
    by_class = {path.name: _photos(path) for path in classes}
    for name, photos in by_class.items():
        if not photos:
            raise DatasetError(
                f"DATASET={folder}: class folder {name!r} has no photo ({', '.join(SUFFIXES)}); "
                "add some or remove the folder"
            )
    everything = [photo for photos in by_class.values() for photo in photos]
    with ThreadPoolExecutor() as pool:
        problems = dict(zip(everything, pool.map(_problem, everything), strict=True))
    bad = {photo: problem for photo, problem in problems.items() if problem}
    if bad and not skip_bad:
        listed = "\n".join(f"  {photo}: {problem}" for photo, problem in list(bad.items())[:10])
        more = f"\n  and {len(bad) - 10} more" if len(bad) > 10 else ""
        raise DatasetError(
            f"DATASET={folder}: {len(bad)} of {len(everything)} photos cannot be read:\n"
            f"{listed}{more}\nRepair or remove them, or pass SKIP_BAD=1 to leave them out."
        )
    return Dataset(
        folder=folder,
        photos=tuple(str(path.relative_to(folder)) for path in everything if path not in bad),
        unreadable=tuple(str(path.relative_to(folder)) for path in bad),
    )


def upload(
    s3: Any, dataset: Dataset, *, bucket: str, name: str, progress: Callable[[str], None]
) -> str:
    """Put the photos under ``<name>/`` and then the manifest, which starts the pipeline.

    The manifest is SageMaker's own ManifestFile. Returns its key.
    """

    def put(photo: str) -> None:
        s3.upload_file(str(dataset.folder / photo), bucket, f"{name}/{photo}")

    with ThreadPoolExecutor(8) as pool:
        for count, _ in enumerate(pool.map(put, dataset.photos), start=1):
            if count % 50 == 0:
                progress(f"{count} of {len(dataset.photos)} photos")
    key = f"{name}/manifest.json"
    manifest = [{"prefix": f"s3://{bucket}/{name}/"}, *dataset.photos]
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(manifest).encode())
    return key


def _photos(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _problem(photo: Path) -> str:
    """Why a photo cannot be read, or nothing."""
    try:
        with Image.open(photo) as image:
            image.load()
    except Exception as error:  # noqa: BLE001 - Pillow's decoders raise many kinds for damaged files
        return f"{type(error).__name__}: {error}"
    return ""
