# SPDX-License-Identifier: Apache-2.0
"""A photo on a disk, seen as a camera would see it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from camera.vision.jpeg import BadFrameError, model_input, size_of, thumbnail
from contracts import cut, still
from contracts.empty_view import Grid, common_view, grid
from contracts.photo_rules import bytes_problem, file_problem, frame_problem
from contracts.preprocessing import Pixels


class NoPhotoError(Exception):
    """The file is no photo; it is skipped and counted."""


class Photo:
    """JPEGs go the camera's way, a phone's turn included.

    What a camera's decoder does not take (PNG, unusual subsampling) goes through Pillow, where it
    is installed. The sentences of refusal are those of ``contracts.photo_rules``, as prepare's are.
    Raises NoPhotoError. ``columns`` and ``rows`` are its size, ``grid`` what the presence gate
    compares.
    """

    def __init__(self, path: Path) -> None:
        try:
            if problem := bytes_problem(path.stat().st_size):
                raise NoPhotoError(problem)
            self._content = path.read_bytes()
        except OSError as error:
            raise NoPhotoError(str(error.strerror)) from error
        self._rgb: Pixels | None = None
        if not file_problem(self._content) and (other := frame_problem(self._content)):
            self._rgb = self._with_pillow(other)
            return
        try:
            thumbnail(self._content)
        except BadFrameError as error:
            raise NoPhotoError(str(error)) from error

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

    def _with_pillow(self, otherwise: str) -> Pixels:
        try:
            picture = still.upright_rgb(still.opened(self._content), self._content)
        except ImportError as error:
            raise NoPhotoError(f"{otherwise}; Pillow, which could, is not installed") from error
        except still.RefusedError as error:
            raise NoPhotoError(str(error)) from error
        return np.asarray(picture)


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
