# SPDX-License-Identifier: Apache-2.0
"""Checks every photo of a dataset and uploads them with a manifest."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.dataset.listing import BACKGROUND, MINIMUM_PHOTOS, SPLIT_FILE, SUFFIXES, DatasetError
from training.dataset.photos import problem
from training.dataset.sources import (
    Source,
    given_splits,
    list_backgrounds,
    list_helpers,
    list_loose,
    list_sources,
)

__all__ = [
    "MANIFEST",
    "Dataset",
    "DatasetError",
    "check_dataset",
    "manifest_of",
    "require_enough",
    "upload",
]

MANIFEST = "manifest.json"
"""What starts the training when it is written below a dataset's folder."""

_OTHER_PICTURES = frozenset(
    (
        *(".webp", ".heic", ".heif", ".avif", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".jfif"),
        *(".jpe", ".jif", ".jfi", ".pjpeg", ".pjp", ".jp2", ".j2k", ".jxl", ".apng", ".svg"),
        *(".ico", ".psd", ".tga", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"),
        *(".raw", ".mpo"),
    )
)
"""Pictures that nobody leaves out on purpose; other files beside photos are notes and lists."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A folder of class folders. ``photos`` are paths relative to ``folder``: ``glass/a.jpg``.

    Among them are the empty views of ``_background/``, which is no class. ``others`` is what lies
    beside them and is no picture, or was put there by a desktop or network storage. ``divided``:
    a file says which photos are for training, validation and test.
    """

    folder: Path
    photos: tuple[str, ...]
    unreadable: tuple[str, ...]
    others: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    divided: bool = False

    @property
    def left_out(self) -> str:
        """The files that are left out, counted and named, as text; empty if there are none."""
        told = [
            f"{len(names)} {what} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
            for what, names in (
                ("that cannot be used", self.unreadable),
                ("that are no photos", self.others),
                ("in no class folder", self.loose),
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


def check_dataset(folder: Path, *, skip_bad: bool = False, called: str = "") -> Dataset:
    """Look at every photo of a folder of class folders, by the very code of the prepare step.

    ``training.dataset.opening.opened`` makes such a folder of whatever people have; ``called`` is
    the name that people know it by. Raises DatasetError naming the folder, class or photos;
    ``skip_bad`` leaves photos that cannot be used out instead.
    """
    called = called or f"dataset {folder}"
    sources = list_sources(folder, called=called)
    photos = [one for one in sources if _is_picture(folder / one.path)]
    _require_photos(sources, photos, called)
    views = list_backgrounds(folder, called=called)
    photos += [one for one in views if _is_picture(folder / one.path)]
    bad = _problems(folder, [one.path for one in photos])
    if bad and not skip_bad:
        listed = "\n".join(f"  {path}: {reason}" for path, reason in list(bad.items())[:10])
        more = f"\n  and {len(bad) - 10} more" if len(bad) > 10 else ""
        raise DatasetError(
            f"{called}: {len(bad)} of {len(photos)} photos cannot be used:\n"
            f"{listed}{more}\nRepair or remove them, or pass SKIP_BAD=1 to leave them out."
        )
    taken = {one.path for one in photos}
    beside = [one.path for one in (*sources, *views) if one.path not in taken]
    return Dataset(
        folder=folder,
        photos=tuple(one.path for one in photos if one.path not in bad),
        unreadable=tuple(bad),
        others=(*beside, *list_helpers(folder)),
        loose=tuple(list_loose(folder)),
        divided=bool(given_splits(folder)),
    )


def _require_photos(sources: Sequence[Source], photos: Sequence[Source], called: str) -> None:
    """Refuse a class without a photo, and name the files that it has instead."""
    without = {one.class_name for one in sources} - {one.class_name for one in photos}
    if not without:
        return
    others = [Path(one.path) for one in sources if one.class_name == min(without)]
    suffixes = sorted({path.suffix or "no suffix" for path in others})
    raise DatasetError(
        f"{called}: class folder {min(without)!r} has no photo ({', '.join(SUFFIXES)}) but "
        f"{len(others)} files with {', '.join(suffixes)}; add some or remove the folder"
    )


def require_enough(dataset: Dataset, *, called: str = "") -> None:
    """Refuse a dataset that Prepare would refuse for a class with too few photos.

    Prepare counts different photos, so it may still refuse what passes here. Raises DatasetError.
    """
    few = [f"{name} ({n})" for name, n in dataset.classes.items() if n < MINIMUM_PHOTOS]
    if few:
        raise DatasetError(
            f"{called or f'dataset {dataset.folder}'}: too few photos of {', '.join(few)}; "
            f"each class needs at least {MINIMUM_PHOTOS} different photos"
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
    key = f"{name}/{MANIFEST}"
    files = dataset.photos
    if dataset.divided:
        put(SPLIT_FILE)
        files = (*files, SPLIT_FILE)
    s3.put_object(Bucket=bucket, Key=key, Body=manifest_of(bucket, name, files))
    return key


def manifest_of(bucket: str, name: str, files: Sequence[str]) -> bytes:
    """SageMaker's ManifestFile that names ``files`` below ``<name>/``."""
    return json.dumps([{"prefix": f"s3://{bucket}/{name}/"}, *files]).encode()


def _problems(folder: Path, photos: Sequence[str]) -> dict[str, str]:
    """The photos that prepare would reject, and why; in their order."""
    with ThreadPoolExecutor() as pool:
        reasons = pool.map(problem, [folder / photo for photo in photos])
        return {photo: reason for photo, reason in zip(photos, reasons, strict=True) if reason}


def _is_picture(path: Path) -> bool:
    link = path.is_symlink() and not path.is_file()
    return link or path.suffix.lower() in {*SUFFIXES, *_OTHER_PICTURES}
