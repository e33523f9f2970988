# SPDX-License-Identifier: Apache-2.0
"""``awscam:?fps=15``: the camera of an AWS DeepLens, through the library that is on the device.

Of that library one call is used, as its documentation gives it: ``awscam.getLastFrame()`` returns
whether there is a frame, and the frame: pixels ``[height, width, 3]`` of blue, green and red.
"""

import importlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from camera.sources.base import Pace, SourceError
from camera.vision.jpeg import encode

_PATIENCE_SECONDS = 5.0
"""A camera that delivers nothing for this long is taken as lost."""
_QUALITY = 90


def _library() -> Any:
    try:
        return importlib.import_module("awscam")
    except ImportError as error:
        raise SourceError(
            "source awscam: needs the library awscam, which only an AWS DeepLens has, on this"
            f" Python's path: {error}; for another camera name v4l2:/dev/video0"
        ) from error


@dataclass(frozen=True, kw_only=True)
class DeepLensSource:
    """The newest frame whenever one is due; the library itself keeps no others."""

    fps: float = 15
    live: bool = True
    patience_seconds: float = _PATIENCE_SECONDS
    library: Callable[[], Any] = _library

    def frames(self, stop: threading.Event) -> Iterator[bytes]:
        """Frames until the camera is gone. Raises SourceError."""
        camera = self.library()
        pace, last = Pace(self.fps, stop), time.monotonic()
        while not stop.is_set():
            pace.wait()
            try:
                there, bgr = camera.getLastFrame()
            except Exception as error:
                # The library does not say what it raises; a camera is tried again all the same.
                raise SourceError(f"awscam: {type(error).__name__}: {error}") from error
            if there and _is_picture(bgr):
                last = time.monotonic()
                yield encode(bgr, quality=_QUALITY, subsampling="420", order="BGR")
            elif time.monotonic() - last > self.patience_seconds:
                raise SourceError(f"awscam: no frame for {self.patience_seconds:g} s")


def _is_picture(bgr: object) -> bool:
    return (
        isinstance(bgr, np.ndarray)
        and bgr.dtype == np.uint8
        and bgr.ndim == 3
        and bgr.shape[2] == 3
        and bgr.size > 0
    )


def open_uri(_address: str, options: Mapping[str, Any]) -> DeepLensSource:
    """The source for ``awscam:``; a DeepLens has one camera, so no address follows."""
    return DeepLensSource(**options)
