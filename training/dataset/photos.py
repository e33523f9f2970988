# SPDX-License-Identifier: Apache-2.0
"""Checks the files of a dataset: what can be used, as which pixels, and what is rejected and why.

Every file is decoded to its last row. JPEG and PNG are taken, in any colour mode: CMYK, grey,
16-bit and palette pictures become RGB, what is transparent shows a white ground, and the turn that
a phone notes in EXIF is applied. Rejected by name: what does not decode, pictures too small to
learn from, and files or pictures so large that they are no photo for this purpose.
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from contracts.empty_view import GRID_COLUMNS, GRID_ROWS
from contracts.orientation import UPRIGHT
from contracts.photo_rules import bytes_problem, damaged
from contracts.still import RefusedError, as_frame, opened, readable, turn_of, upright_rgb
from training.dataset.duplicates import Likeness, likeness
from training.dataset.listing import SUFFIXES
from training.dataset.sources import Source, natural
from training.dataset.taken import taken_at


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A photo that decodes; ``stored`` is the file kept for training and evaluation.

    ``digest`` is the SHA-256 of the file, ``pixels`` that of the picture: a copy with other
    metadata has another digest and the same pixels. ``width`` and ``height`` are those of the
    file; ``brightness`` is the mean grey, 0 to 255; ``grid`` the mean colours of 18 x 24 cells,
    uint8; ``taken`` the seconds since some day at which EXIF or the name says it was taken.
    """

    path: str
    class_name: str
    digest: str
    stored: Path
    pixels: str
    likeness: Likeness
    width: int = 0
    height: int = 0
    brightness: float = 0.0
    grid: bytes = b""
    taken: float | None = None


@dataclass(frozen=True)
class Rejected:
    """A file that is not used, and why."""

    path: str
    reason: str


class _UnusableError(Exception):
    """The picture decodes or might, and is not wanted; the message says why."""


def check(
    dataset: Path,
    sources: Sequence[Source],
    *,
    keep: Path,
    longest_side: int,
    tick: Callable[[int], None],
) -> tuple[list[Photo], list[Rejected]]:
    """Decode every file; return the usable photos and the rejected files, both in source order.

    Usable photos are stored in the folder ``keep``; ``tick`` is called with how many are done. All
    cores take part: Pillow decodes and NumPy counts outside of Python's lock.
    """
    photos: list[Photo] = []
    rejected: list[Rejected] = []

    def load(item: tuple[int, Source]) -> Photo | Rejected:
        return _load(dataset, item[1], keep / f"{item[0]:07d}", longest_side)

    with ThreadPoolExecutor() as pool:
        try:
            for done, result in enumerate(pool.map(load, enumerate(sources)), start=1):
                if isinstance(result, Photo):
                    photos.append(result)
                else:
                    rejected.append(result)
                tick(done)
        except BaseException:
            # A full disk or a signal ends the step now, not after the files still queued.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return photos, sorted(rejected, key=lambda item: natural(item.path))


def problem(path: Path) -> str:
    """Why prepare would reject a file, or nothing."""
    try:
        _decode(path, longest_side=64)
    except _UnusableError as error:
        return str(error)
    return ""


def as_jpeg(path: Path) -> bytes:
    """A photo as a camera would send it: as it is where cameras take it, else the best JPEG of it.

    Raises ValueError with the file's name and why prepare rejects it.
    """
    try:
        return as_frame(_content(path))
    except (_UnusableError, RefusedError) as error:
        raise ValueError(f"{path.name}: {error}") from error


def _load(dataset: Path, source: Source, target: Path, longest_side: int) -> Photo | Rejected:
    try:
        decoded = _decode(dataset / source.path, longest_side=longest_side)
    except _UnusableError as error:
        return Rejected(source.path, str(error))
    stored = target.with_suffix(decoded.suffix)
    stored.write_bytes(decoded.content)
    return Photo(
        path=source.path,
        class_name=source.class_name,
        digest=decoded.digest,
        stored=stored,
        pixels=_pixel_digest(decoded.picture),
        likeness=likeness(decoded.picture),
        width=decoded.width,
        height=decoded.height,
        brightness=float(np.asarray(decoded.picture.convert("L")).mean()),
        grid=_grid(decoded.picture),
        taken=decoded.taken,
    )


@dataclass(frozen=True, kw_only=True)
class _Decoded:
    digest: str
    width: int
    height: int
    picture: Image.Image  # RGB, upright, reduced to the longest side
    content: bytes  # what to store
    suffix: str
    taken: float | None


def _grid(picture: Image.Image) -> bytes:
    small = picture.resize((GRID_COLUMNS, GRID_ROWS), Image.Resampling.BOX, reducing_gap=2.0)
    return small.tobytes()


def _decode(path: Path, *, longest_side: int) -> _Decoded:
    """Read, check and decode one file. Raises _UnusableError where it is not to be used."""
    raw = _content(path)
    try:
        with opened(raw) as image:
            width, height = image.size
            taken = taken_at(image, path.name)
            picture, content, suffix = _stored(image, raw, longest_side)
    except RefusedError as error:
        raise _UnusableError(str(error)) from error
    except Exception as error:  # decoders raise anything; no photo ends the run
        raise _UnusableError(damaged()) from error
    digest = hashlib.sha256(raw).hexdigest()
    return _Decoded(
        digest=digest,
        width=width,
        height=height,
        picture=picture,
        content=content,
        suffix=suffix,
        taken=taken,
    )


def _content(path: Path) -> bytes:
    """The file's bytes. Raises _UnusableError where its name or its size is not that of a photo."""
    if not path.is_file() and (problem := _instead(path)):
        raise _UnusableError(problem)
    if path.suffix.lower() not in SUFFIXES:
        allowed = " ".join(SUFFIXES)
        raise _UnusableError(f"not a photo: {path.suffix or 'no suffix'}; use {allowed}")
    try:
        if problem := bytes_problem(path.stat().st_size):
            raise _UnusableError(problem)
        return path.read_bytes()
    except OSError as error:
        raise _UnusableError(f"cannot be decoded: {_first_line(error)}") from error


def _instead(path: Path) -> str:
    """What is there instead of a file, and what to do; empty where there is nothing."""
    if path.is_symlink():
        leads = "a folder, which is not followed" if path.is_dir() else "nothing"
        return f"a link to {leads}; put the file itself there"
    if path.is_dir():
        return "a folder with the name of a photo; put the photo itself there"
    if path.exists():
        return "not a file but a pipe or a device; put the photo itself there"
    return ""


def _stored(image: Image.Image, raw: bytes, longest_side: int) -> tuple[Image.Image, bytes, str]:
    """The picture, and the bytes to keep. A small upright 8-bit RGB photo stays as it is.

    Decoding happens in either case: that is the check.
    """
    # Some phones put more pictures behind a JPEG's first, which counts; Pillow then says MPO.
    form, small = image.format, max(image.size) <= longest_side
    # The 25th byte of a PNG is its depth; Pillow reduces 16-bit colour to 8 and says RGB.
    plain = image.mode == "RGB" and (form == "JPEG" or (form == "PNG" and raw[24] == 8))
    plain = plain and "transparency" not in image.info and turn_of(image, raw) == UPRIGHT
    # Training opens what is kept, with Pillow.
    plain = plain and readable(raw) == raw
    if form != "PNG":
        image.draft("RGB", (longest_side, longest_side))
    picture = upright_rgb(image, raw)
    if plain and small:
        return picture, raw, ".jpg" if form == "JPEG" else ".png"
    packed = io.BytesIO()
    if small:
        # Nothing is lost: training sees the pixels that a camera would.
        picture.save(packed, "PNG")
        return picture, packed.getvalue(), ".png"
    picture.thumbnail((longest_side, longest_side), Image.Resampling.BOX)
    picture.save(packed, "JPEG", quality=95, subsampling=0)
    return picture, packed.getvalue(), ".jpg"


def _pixel_digest(picture: Image.Image) -> str:
    digest = hashlib.sha256(f"{picture.width} x {picture.height}\n".encode())
    digest.update(picture.tobytes())
    return digest.hexdigest()


def _first_line(error: OSError) -> str:
    # Without the folder's name, which differs from machine to machine.
    return error.strerror or type(error).__name__
