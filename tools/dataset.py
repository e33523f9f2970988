# SPDX-License-Identifier: Apache-2.0
"""A folder of photos becomes a dataset: every photo is looked at, then uploaded with a manifest."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.dataset.listing import BACKGROUND, SUFFIXES, files_in, is_class
from training.dataset.photos import problem
from training.dataset.shape import misread
from training.dataset.sources import class_names, is_unicode, natural

_OTHER_PICTURES = frozenset(
    (
        *(".webp", ".heic", ".heif", ".avif", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".jfif"),
        *(".jpe", ".jif", ".jfi", ".pjpeg", ".pjp", ".jp2", ".j2k", ".jxl", ".apng", ".svg"),
        *(".ico", ".psd", ".tga", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"),
        *(".raw", ".mpo"),
    )
)
"""Pictures that nobody leaves out on purpose; other files beside photos are notes and lists."""


class DatasetError(Exception):
    """The folder cannot be a dataset; the message names the folder, class or photos."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A folder of class folders. ``photos`` are paths relative to ``folder``: ``glass/a.jpg``.

    Among them are the empty views of ``_background/``, which is no class. ``others`` is what lies
    beside them and is no picture, or was put there by a desktop or network storage.
    """

    folder: Path
    photos: tuple[str, ...]
    unreadable: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def left_out(self) -> str:
        """What is not taken, counted and named, for people; empty where all is."""
        told = [
            f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
            for what, names in (
                ("that cannot be used", self.unreadable),
                ("that are no photos", self.others),
            )
            if names
        ]
        return f"left out: {'; '.join(told)}" if told else ""

    @property
    def classes(self) -> dict[str, int]:
        """How many photos each class has."""
        counts: dict[str, int] = {}
        for photo in self.photos:
            name = photo.split("/", 1)[0]
            if name != BACKGROUND:
                counts[name] = counts.get(name, 0) + 1
        return counts


def check_dataset(folder: Path, *, skip_bad: bool = False) -> Dataset:
    """Look at every photo of a folder of class folders.

    The rules are those of the pipeline's prepare step, told before anything is uploaded. Raises
    DatasetError that names what is wrong: the folder is missing, a class is empty or its name
    cannot be used, there are fewer than two classes, or photos cannot be used. With ``skip_bad``
    such photos are left out and counted instead.
    """
    if not folder.is_dir():
        raise DatasetError(f"DATASET={folder}: there is no such folder")
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and is_class(path.name))
    if classes and (wrong := misread(folder, classes)):
        raise DatasetError(f"DATASET={folder}: {wrong}")
    if len(classes) < 2:
        loose = sum(path.suffix.lower() in SUFFIXES for path in folder.iterdir())
        raise DatasetError(
            f"DATASET={folder}: {len(classes)} class folder(s); a classifier needs at least two, "
            "each with its photos (DATASET/<class>/*.jpg)"
            + (f"; {loose} photos lie beside them, in no class" if loose else "")
        )
    try:
        class_names([path.name for path in classes])
    except ValueError as error:
        raise DatasetError(f"DATASET={folder}: {error}") from error
    files = {path.name: _listed(path) for path in [*classes, folder / BACKGROUND]}
    by_class = {path.name: files[path.name][0] for path in classes}
    for name, photos in by_class.items():
        if not photos:
            raise DatasetError(
                f"DATASET={folder}: class folder {name!r} has no photo ({', '.join(SUFFIXES)}); "
                "add some or remove the folder"
            )
    everything = [photo for photos in by_class.values() for photo in photos]
    everything += files[BACKGROUND][0]
    others = [path for _, beside in files.values() for path in beside]
    if strange := [path.name for path in everything if not is_unicode(str(path))]:
        raise DatasetError(f"DATASET={folder}: file name {strange[0]!a} is not UTF-8; rename it")
    with ThreadPoolExecutor() as pool:
        problems = dict(zip(everything, pool.map(problem, everything), strict=True))
    bad = {photo: reason for photo, reason in problems.items() if reason}
    if bad and not skip_bad:
        shown = [(photo.relative_to(folder), reason) for photo, reason in bad.items()][:10]
        listed = "\n".join(f"  {photo}: {reason}" for photo, reason in shown)
        more = f"\n  and {len(bad) - 10} more" if len(bad) > 10 else ""
        raise DatasetError(
            f"DATASET={folder}: {len(bad)} of {len(everything)} photos cannot be used:\n"
            f"{listed}{more}\nRepair or remove them, or pass SKIP_BAD=1 to leave them out."
        )
    return Dataset(
        folder=folder,
        photos=tuple(path.relative_to(folder).as_posix() for path in everything if path not in bad),
        unreadable=tuple(path.relative_to(folder).as_posix() for path in bad),
        others=tuple(path.relative_to(folder).as_posix() for path in others),
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


def _listed(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures in a class folder and the folders inside it, in prepare's order; the rest.

    Pictures of other formats and links to nothing are among the pictures: they have a problem.
    """
    found, helpers = files_in(folder, folder)
    names = sorted(found, key=natural)
    pictures = [name for name in names if _is_picture(folder / name)]
    rest = [name for name in names if not _is_picture(folder / name)]
    return [folder / name for name in pictures], [folder / name for name in [*rest, *helpers]]


def _is_picture(path: Path) -> bool:
    link = path.is_symlink() and not path.is_file()
    return link or path.suffix.lower() in {*SUFFIXES, *_OTHER_PICTURES}
