# SPDX-License-Identifier: Apache-2.0
"""Cuts a stream of bytes into the JPEGs in it."""

import re
from collections.abc import Iterator

MAXIMUM_FRAME = 32 << 20
"""Bytes; a stream that is no MJPEG must not fill the memory."""
_START = b"\xff\xd8\xff"
_STUFFED_OR_RESTART = rb"\x00\xd0-\xd7"
# One FF, though a marker may have several: a pattern that begins with one byte is found faster.
_MARKER = re.compile(rb"\xff[^\xff" + _STUFFED_OR_RESTART + rb"]", re.DOTALL)
_IMAGE, _END, _SCAN = 0xD8, 0xD9, 0xDA
# What may stand between two scans: tables, restart intervals, line counts, texts, app segments.
_SEGMENTS = frozenset({0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})


class JpegCutter:
    """Takes bytes as they come and gives whole JPEGs.

    A header segment is stepped over by its length, because it may hold a JPEG of its own (the
    thumbnail in EXIF). In a scan's data FF is always followed by 00 or a restart. A JPEG that
    another one cuts short is left out.
    """

    def __init__(self, *, longest: int) -> None:
        self._longest = longest
        self._pending = bytearray()
        # Where the current JPEG was read to, and whether that is in the data of a scan.
        self._at = 0
        self._in_scan = False

    def cut(self, chunk: bytes) -> Iterator[bytes]:
        """The JPEGs that are whole with this chunk."""
        self._pending += chunk
        while self._begin():
            end = self._end()
            if end is None:
                break
            if end:
                yield bytes(self._pending[:end])
            del self._pending[: end or self._at]
            self._at, self._in_scan = 0, False
        if len(self._pending) > self._longest:
            self._pending.clear()
            self._at, self._in_scan = 0, False

    def _begin(self) -> bool:
        """Whether a JPEG begins, which then is at the front."""
        if self._at:
            return True
        start = self._pending.find(_START)
        if start < 0:
            del self._pending[:-2]
            return False
        del self._pending[:start]
        self._at = 2
        return True

    def _end(self) -> int | None:
        """Behind the end of the JPEG; 0 where another begins first; None: more is needed."""
        data = self._pending
        self._step_over_header()
        while True:
            found = _MARKER.search(data, self._at)
            if found is None:
                # An FF at the end may be the first half of a marker.
                self._at = max(self._at, len(data) - 1)
                return None
            marker, behind, start = data[found.end() - 1], found.end(), found.start()
            while start > self._at and data[start - 1] == 0xFF:
                start -= 1
            if marker == _END:
                return behind
            if marker == _IMAGE and (self._in_scan or start == self._at):
                self._at = behind - 2
                return 0
            if self._in_scan and marker not in _SEGMENTS:
                self._at = behind  # damaged data, which the decoder judges
                continue
            if len(data) < behind + 2:
                self._at = start
                return None
            length = int.from_bytes(data[behind : behind + 2], "big")
            if len(data) < behind + length:
                self._at = start
                return None
            self._at = behind + max(length, 2)
            self._in_scan = marker == _SCAN

    def _step_over_header(self) -> None:
        """Whole segments one after another, as nearly all headers are: no need to search."""
        data, at = self._pending, self._at
        while not self._in_scan and at + 4 <= len(data) and data[at] == 0xFF:
            marker, length = data[at + 1], data[at + 2] << 8 | data[at + 3]
            if marker not in _SEGMENTS or len(data) < at + 2 + length:
                break
            at += 2 + max(length, 2)
            self._in_scan = marker == _SCAN
        self._at = at
