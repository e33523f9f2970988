# SPDX-License-Identifier: Apache-2.0
"""``http://user:password@camera/video.mjpg#fps=15``: a network camera that sends JPEG over HTTP.

Either one answer that does not end (``multipart/x-mixed-replace``), or an answer with one picture
for each request. JPEGs are found by their own markers: boundaries, lengths and types of content are
often wrong, and none is needed.
"""

import http.client
import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from camera.sources.base import Pace, SourceError
from camera.sources.frame_clock import FrameClock
from camera.sources.http_client import HttpClient
from camera.sources.jpeg_stream import MAXIMUM_FRAME, JpegCutter
from contracts.real_format import real_format

_CHUNK = 1 << 16
_PATIENCE_SECONDS = 10.0
"""Bytes without a JPEG are taken for this long."""
_BEGINNING = 2048
_PART_HEADER = re.compile(rb"\A\s*--.{0,500}?\r?\n\r?\n", re.DOTALL)
_PART_TYPE = re.compile(rb"^content-type:\s*([\w/.+-]+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class HttpSource:
    """The frames that a camera sends, ``fps`` a second at most, or asked for so often.

    ``ca``: a PEM file with the certificate that the camera's is checked with.
    """

    url: str = field(repr=False)
    fps: float = 15
    ca: str = ""
    live: bool = True

    def frames(self, stop: threading.Event) -> Iterator[bytes]:
        """Frames until the camera is gone. Raises SourceError, which never tells the password."""
        client = HttpClient(self.url, ca=self.ca)
        pace, clock = Pace(self.fps, stop), FrameClock(self.fps)
        try:
            while not stop.is_set():
                with client.get() as response:
                    pictures = _Pictures(response, client.place)
                    for jpeg in pictures.read(stop):
                        # The first may be the only one, and was asked for when it was due.
                        if clock.due() or pictures.is_single:
                            yield jpeg
                if stop.is_set():
                    return
                if not pictures.is_single:
                    raise SourceError(f"{client.place}: the camera ended the stream")
                pace.wait()
        finally:
            client.close()


class _Pictures:
    """The JPEGs in one answer."""

    def __init__(self, response: http.client.HTTPResponse, place: str) -> None:
        self._response = response
        self._place = place
        self._type = response.headers.get_content_type()
        if self._type.startswith("multipart/") and not response.chunked:
            # It ends with the connection, whatever length the camera gives it.
            response.length = None
        self._beginning = b""
        self._count = 0

    @property
    def is_single(self) -> bool:
        """Whether the answer was one picture, and the camera wants to be asked for the next."""
        return self._count == 1 and not self._type.startswith("multipart/")

    def read(self, stop: threading.Event) -> Iterator[bytes]:
        """Each as soon as it is whole. Raises SourceError where there is none."""
        if self._type in {"text/html", "application/json"}:
            raise SourceError(
                f"{self._place}: the camera answers with {self._type}; name the address of its "
                "MJPEG stream or of its snapshot"
            )
        cutter, last = JpegCutter(longest=MAXIMUM_FRAME), time.monotonic()
        while not stop.is_set() and (chunk := self._response.read1(_CHUNK)):
            if len(self._beginning) < _BEGINNING:
                self._beginning += chunk[:_BEGINNING]
            for jpeg in cutter.cut(chunk):
                self._count += 1
                yield jpeg
                last = time.monotonic()
            if time.monotonic() - last > _PATIENCE_SECONDS:
                raise SourceError(
                    f"{self._place}: no JPEG for {_PATIENCE_SECONDS:g} s{self._instead()}"
                )
        if not self._count and not stop.is_set():
            raise SourceError(f"{self._place}: no whole JPEG in the answer{self._instead()}")

    def _instead(self) -> str:
        """What is sent instead, for the person who named the address."""
        if self._count:
            return ""
        body = _PART_HEADER.sub(b"", self._beginning)
        form = "PNG" if body.startswith(b"\x89PNG") else real_format(body)
        if form:
            return f": it is {form}"
        part = _PART_TYPE.search(self._beginning)
        return f": its type is {part[1].decode() if part else self._type}"


def open_uri(address: str, options: Mapping[str, Any]) -> HttpSource:
    """The source for ``http:`` and ``https:``."""
    return HttpSource(url=address, **options)
