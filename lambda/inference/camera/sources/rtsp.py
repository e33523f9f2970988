# SPDX-License-Identifier: Apache-2.0
"""``rtsp://user:password@camera/stream#fps=15``: a network camera.

Needs PyAV (``av``), which at 100 MB is not part of the component. A camera that sends JPEG is
passed on untouched; other video is decoded and its newest frames are compressed again.
"""

import importlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from camera.sources.base import SourceError
from camera.sources.frame_clock import FrameClock
from camera.sources.shown import place_of
from camera.vision.jpeg import encode

_OPEN_SECONDS, _READ_SECONDS = 10.0, 5.0
_QUALITY = 90
_JPEG = "mjpeg"


def _library() -> Any:
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise SourceError(
            "source rtsp: needs PyAV, which is not installed here; install it for the Python that"
            f" runs the camera: pip install av==18.1.0 ({error})"
        ) from error


@dataclass(frozen=True, kw_only=True)
class RtspSource:
    """The newest frames of a network camera, ``fps`` a second at most.

    What arrives while the camera program is behind is decoded, as video must be, and passed over.
    ``transport`` tcp crosses more networks; udp loses single frames instead of waiting for them.
    """

    url: str = field(repr=False)
    fps: float = 15
    transport: str = "tcp"
    live: bool = True
    library: Callable[[], Any] = _library

    @property
    def _place(self) -> str:
        return place_of(self.url)

    def frames(self, stop: threading.Event) -> Iterator[bytes]:
        """Frames until the camera is gone. Raises SourceError, which never tells the password."""
        av = self.library()
        try:
            with av.open(
                self.url,
                options={"rtsp_transport": self.transport, "fflags": "nobuffer"},
                timeout=(_OPEN_SECONDS, _READ_SECONDS),
            ) as container:
                if not container.streams.video:
                    raise SourceError(f"{self._place}: there is no video in it")
                yield from self._newest(container, stop)
        except av.FFmpegError as error:
            # The error's own text would name the whole URL.
            raise SourceError(f"{self._place}: {error.strerror or type(error).__name__}") from None
        if not stop.is_set():
            raise SourceError(f"{self._place}: the camera ended the stream")

    def _newest(self, container: Any, stop: threading.Event) -> Iterator[bytes]:
        stream = container.streams.video[0]
        clock = FrameClock(self.fps)
        if stream.codec_context.name == _JPEG:
            for packet in container.demux(stream):
                if stop.is_set():
                    return
                # The last packet of a stream is empty.
                if packet.size and clock.due(_seconds(packet)):
                    yield bytes(packet)
            return
        stream.thread_type = "NONE"  # Frame threads would hold frames back.
        for frame in container.decode(stream):
            if stop.is_set():
                return
            if clock.due(_seconds(frame)):
                rgb = frame.to_ndarray(format="rgb24")
                yield encode(rgb, quality=_QUALITY, subsampling="420")


def _seconds(part: Any) -> float | None:
    """The moment of a packet or frame in the camera's own time."""
    if part.pts is None or part.time_base is None:
        return None
    return float(part.pts * part.time_base)


def open_uri(address: str, options: Mapping[str, Any]) -> RtspSource:
    """The source for ``rtsp:``."""
    return RtspSource(url=address, **options)
