# SPDX-License-Identifier: Apache-2.0
"""Finds and checks the photos of a dataset: what can be used, what is rejected and why."""

import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

from training.job import StepError

SUFFIXES = (".jpg", ".jpeg", ".png")
_SMALLEST_SIDE = 16
_LARGEST_PIXELS = 100_000_000


@dataclass(frozen=True)
class Source:
    """A file in a class folder; ``path`` is relative to the dataset, with forward slashes."""

    path: str
    class_name: str


@dataclass(frozen=True)
class Photo:
    """A photo that decodes; ``stored`` is the file kept for training and evaluation."""

    path: str
    class_name: str
    digest: str
    stored: Path


@dataclass(frozen=True)
class Rejected:
    """A file that is not used, and why."""

    path: str
    reason: str


def list_sources(dataset: Path) -> list[Source]:
    """All files of all class folders, in a fixed order.

    Raises StepError where the dataset cannot be one: missing, without class folders, with a single
    class or with an empty class folder.
    """
    if not dataset.is_dir():
        raise StepError(f"dataset {dataset}: no such folder")
    folders = [item for item in sorted(dataset.iterdir()) if _visible(item) and item.is_dir()]
    if not folders:
        raise StepError(f"dataset {dataset}: no class folders; expected <class>/<photo>.jpg")
    if len(folders) == 1:
        raise StepError(
            f"dataset {dataset}: one class only ({folders[0].name}); two or more are needed"
        )
    sources: list[Source] = []
    for folder in folders:
        files = sorted(item for item in folder.rglob("*") if item.is_file() and _visible(item))
        if not files:
            raise StepError(f"dataset {dataset}: class folder {folder.name!r} is empty")
        names = (item.relative_to(dataset).as_posix() for item in files)
        sources.extend(Source(name, folder.name) for name in sorted(names, key=natural))
    return sources


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts glass9 before glass10: neighbouring shots have neighbouring numbers."""
    parts = re.findall(r"\d+|\D+", name)
    return tuple(
        (0, int(part), part) if part[0] in "0123456789" else (1, 0, part) for part in parts
    )


def check(
    dataset: Path,
    sources: Iterable[Source],
    *,
    keep: Path,
    longest_side: int,
    tick: Callable[[int], None],
) -> tuple[list[Photo], list[Rejected]]:
    """Decode every file; return the usable photos and the rejected files, both in source order.

    Usable photos are stored in the folder ``keep``; ``tick`` is told how many are done. The same
    picture under two class names is rejected under both: one of the labels is wrong and nobody
    can tell which.
    """
    photos: list[Photo] = []
    rejected: list[Rejected] = []

    def load(item: tuple[int, Source]) -> Photo | Rejected:
        return _load(dataset, item[1], keep / f"{item[0]:07d}", longest_side)

    with ThreadPoolExecutor() as pool:
        for done, result in enumerate(pool.map(load, enumerate(sources)), start=1):
            if isinstance(result, Photo):
                photos.append(result)
            else:
                rejected.append(result)
            tick(done)
    classes: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        classes[photo.digest].add(photo.class_name)
    kept = []
    for photo in photos:
        if len(names := classes[photo.digest]) == 1:
            kept.append(photo)
        else:
            photo.stored.unlink()
            reason = f"contradictory labels: the same file is in {', '.join(sorted(names))}"
            rejected.append(Rejected(photo.path, reason))
    return kept, sorted(rejected, key=lambda item: natural(item.path))


def _visible(path: Path) -> bool:
    """Not a helper file of some system (.DS_Store, __MACOSX, Thumbs.db)."""
    return not path.name.startswith((".", "__")) and path.name != "Thumbs.db"


def _load(dataset: Path, source: Source, target: Path, longest_side: int) -> Photo | Rejected:
    path = dataset / source.path
    if path.suffix.lower() not in SUFFIXES:
        allowed = " ".join(SUFFIXES)
        return Rejected(source.path, f"not a photo: {path.suffix or 'no suffix'}; use {allowed}")
    try:
        raw = path.read_bytes()
        with Image.open(io.BytesIO(raw), formats=("JPEG", "PNG")) as image:
            width, height = image.size
            if min(width, height) < _SMALLEST_SIDE:
                reason = f"{width} x {height} pixels; smallest side allowed: {_SMALLEST_SIDE}"
                return Rejected(source.path, reason)
            if width * height > _LARGEST_PIXELS:
                reason = f"{width} x {height} pixels; largest allowed: {_LARGEST_PIXELS} in all"
                return Rejected(source.path, reason)
            content, suffix = _stored(image, raw, longest_side)
    except Exception as error:  # noqa: BLE001 - decoders raise anything; no photo ends the run
        return Rejected(source.path, f"cannot be decoded: {_first_line(error)}")
    stored = target.with_suffix(suffix)
    stored.write_bytes(content)
    return Photo(source.path, source.class_name, hashlib.sha256(raw).hexdigest(), stored)


def _stored(image: Image.Image, raw: bytes, longest_side: int) -> tuple[bytes, str]:
    """The bytes to keep. A small upright RGB photo stays as it is; others are converted.

    Decoding happens in either case: that is the check.
    """
    form, mode, small = image.format, image.mode, max(image.size) <= longest_side
    turned = image.getexif().get(0x0112, 1) != 1
    if form == "JPEG":
        image.draft("RGB", (longest_side, longest_side))
    image.load()
    if mode == "RGB" and small and not turned:
        return raw, ".jpg" if form == "JPEG" else ".png"
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        image = Image.new("RGBA", image.size, "white")
        image.alpha_composite(layered)
    elif image.mode.startswith("I"):
        # 16-bit grey: Pillow's own conversion to RGB would clip everything above 255 to white.
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((longest_side, longest_side), Image.Resampling.BOX)
    packed = io.BytesIO()
    upright.save(packed, "JPEG", quality=95, subsampling=0)
    return packed.getvalue(), ".jpg"


def _first_line(error: Exception) -> str:
    # Pillow names the in-memory stream by its address, which differs from run to run.
    text = re.sub(r"<_io\.BytesIO object at 0x[0-9a-f]+>", "the file", str(error))
    return (text.splitlines() or [type(error).__name__])[0]
