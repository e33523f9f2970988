# SPDX-License-Identifier: Apache-2.0
"""``file:/path/clip.mjpeg?fps=15&loop=1``: a file of JPEGs, one after another."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from camera.sources.base import SourceError
from camera.sources.jpeg_stream import MAXIMUM_FRAME, JpegCutter
from contracts.given import home_path
from contracts.real_format import is_picture, real_format

_CHUNK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class MjpegFileSource:
    """Every JPEG in a file of concatenated JPEGs (``ffmpeg -f mjpeg`` writes such files)."""

    path: Path
    fps: float = 15
    loop: bool = False
    live: bool = False

    def frames(self, stop: threading.Event) -> Iterator[bytes]:
        """The file's frames, at ``fps`` at most (0: as fast as they are taken)."""
        period = 1 / self.fps if self.fps else 0.0
        due = time.monotonic()
        while True:
            found = False
            for frame in self._split():
                found = True
                due = max(due + period, time.monotonic() - period)
                if stop.wait(max(due - time.monotonic(), 0)):
                    return
                yield frame
            if not found:
                raise SourceError(f"file {self.path}: no JPEG in it{self._instead()}")
            if not self.loop:
                return

    def _instead(self) -> str:
        """What the file is, for the person who named it."""
        with self.path.open("rb") as stream:
            form = real_format(stream.read(512))
        converted = f"ffmpeg -i {quote(self.path.name)} -c:v mjpeg -f mjpeg clip.mjpeg"
        if is_picture(form):
            return f": it is {form}; convert it first: {converted}"
        return form and f": it is {form}"

    def _split(self) -> Iterator[bytes]:
        cutter = JpegCutter(longest=MAXIMUM_FRAME)
        try:
            with self.path.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    yield from cutter.cut(chunk)
        except OSError as error:
            raise SourceError(f"file {self.path}: {error.strerror}") from error


def open_uri(address: str, options: Mapping[str, Any]) -> MjpegFileSource:
    """The source for ``file:``. Raises ValueError for what can be no path."""
    return MjpegFileSource(path=home_path(address), **options)
