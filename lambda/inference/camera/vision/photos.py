# SPDX-License-Identifier: Apache-2.0
"""A photo on a disk, seen as a camera would see it."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from camera.vision.jpeg import BadFrameError, model_input, size_of, thumbnail
from contracts import cut
from contracts.empty_view import Grid, common_view, grid
from contracts.preprocessing import Pixels

_JPEG = b"\xff\xd8\xff"
_LARGEST = 64 << 20


class NoPhotoError(Exception):
    """The file is no photo; it is skipped and counted."""


class Photo:
    """JPEGs go the camera's way, a phone's turn included. What no camera delivers (PNG, CMYK) takes
    Pillow first, where it is installed.

    Raises NoPhotoError. ``columns`` and ``rows`` are its size, ``grid`` what the presence gate
    compares.
    """

    def __init__(self, path: Path) -> None:
        try:
            if path.stat().st_size > _LARGEST:
                raise NoPhotoError(f"over {_LARGEST >> 20} MB")
            self._content = path.read_bytes()
        except OSError as error:
            raise NoPhotoError(str(error.strerror)) from error
        self._rgb: Pixels | None = None
        if not (self._content.startswith(_JPEG) and self._usable()):
            self._rgb = self._with_pillow()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        if self._rgb is not None:
            return int(self._rgb.shape[1]), int(self._rgb.shape[0])
        return size_of(self._content)

    @property
    def grid(self) -> Grid:
        """What the presence gate compares."""
        return thumbnail(self._content) if self._rgb is None else grid(self._rgb)

    def input(self, region: cut.Box | None, *, width: int, height: int) -> Pixels:
        """The region (None: all of it) as the model sees it."""
        if self._rgb is None:
            return model_input(self._content, width=width, height=height, region=region)
        part = region or cut.whole(*self.size)
        return cut.cut(self._rgb, part, width=width, height=height)

    def _usable(self) -> bool:
        """Whether the camera's decoder reads all of it."""
        try:
            thumbnail(self._content)
        except BadFrameError:
            return False
        return True

    def _with_pillow(self) -> Pixels | None:
        """The pixels; None where the camera's way is right after all."""
        try:
            # A training and laptop package; cameras have none and need none.
            from PIL import Image, ImageOps  # noqa: PLC0415
        except ImportError as error:
            raise NoPhotoError("not a JPEG as cameras deliver; Pillow is not installed") from error
        try:
            with Image.open(io.BytesIO(self._content), formats=("JPEG", "PNG")) as image:
                if image.format == "JPEG" and image.mode == "RGB":
                    thumbnail(self._content)
                    return None
                picture = ImageOps.exif_transpose(image)
                if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
                    layered = picture.convert("RGBA")
                    picture = Image.new("RGBA", layered.size, "white")
                    picture.alpha_composite(layered)
                elif picture.mode.startswith("I"):
                    picture = picture.convert("I").point(lambda value: value / 257).convert("L")
                return np.asarray(picture.convert("RGB"))
        except Exception as error:
            # Decoders raise anything; no file ends the run.
            raise NoPhotoError(f"no photo: {type(error).__name__}") from error


def empty_view_of(paths: Sequence[Path]) -> tuple[Grid, tuple[int, int]] | None:
    """The empty view of a fixed camera that took all of these photos, and its size; else None."""
    most = 100
    chosen = np.linspace(0, len(paths) - 1, min(len(paths), most)).astype(np.intp)
    grids, sizes = [], set()
    for index in chosen.tolist():
        try:
            photo = Photo(paths[index])
        except NoPhotoError:
            continue
        grids.append(photo.grid)
        sizes.add(photo.size)
        if len(sizes) > 1:
            return None
    view = common_view(grids)
    return None if view is None else (view, sizes.pop())
