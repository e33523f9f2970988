# SPDX-License-Identifier: Apache-2.0
"""``v4l2:/dev/video0?width=1280&height=720&fps=15``: MJPEG straight from a camera.

The camera compresses; its frames are passed on untouched. Only the standard library is used: the
kernel's structures are spelled out in ``v4l2_abi``.
"""

import contextlib
import errno
import os
import select
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import camera.sources.v4l2_abi as abi
from camera.sources.base import SourceError
from camera.sources.v4l2_abi import Kernel, LinuxKernel, Memory

_BUFFERS = 4
_PATIENCE_SECONDS = 5.0
"""A camera that delivers nothing for this long is taken as lost."""


_HINTS = {
    errno.ENOENT: "; ls /dev/video* shows the cameras, ls -l /dev/v4l/by-id their lasting names",
    errno.EACCES: "; the user must be in the group video",
    errno.EBUSY: "; another program uses the camera",
    errno.ENOTTY: "; it is not a camera",
    errno.EISDIR: "; it is not a camera",
    errno.ENODEV: "; the camera was unplugged",
}


@dataclass(frozen=True, kw_only=True)
class Video4LinuxSource:
    """A camera of the Video4Linux kind that compresses to JPEG, as USB cameras do.

    The driver may choose another size or rate near the one asked for; the model does not mind.
    """

    device: str
    width: int = 1280
    height: int = 720
    fps: int = 15
    live: bool = True
    kernel: Kernel = field(default_factory=LinuxKernel)

    def frames(self, stop: threading.Event) -> Iterator[bytes]:
        """Frames until the camera is gone. Raises SourceError."""
        try:
            yield from self._frames(stop)
        except OSError as error:
            hint = _HINTS.get(error.errno or 0, "")
            raise SourceError(f"{self.device}: {error.strerror or error}{hint}") from error

    def _frames(self, stop: threading.Event) -> Iterator[bytes]:
        if struct.calcsize("P") != 8:
            raise SourceError(f"{self.device}: v4l2 needs a 64-bit system")
        descriptor = self.kernel.open(self.device)
        memory: list[Memory] = []
        try:
            self._configure(descriptor)
            memory = self._share_buffers(descriptor)
            self.kernel.ioctl(descriptor, abi.STREAMON, bytearray(abi.CAPTURE))
            yield from self._stream(descriptor, memory, stop)
        finally:
            # After an unplugged camera each of these may fail; the descriptor is closed anyway.
            with contextlib.suppress(OSError):
                self.kernel.ioctl(descriptor, abi.STREAMOFF, bytearray(abi.CAPTURE))
            for each in memory:
                each.close()
            os.close(descriptor)

    def _configure(self, descriptor: int) -> None:
        capability = bytearray(abi.CAPABILITY_SIZE)
        self.kernel.ioctl(descriptor, abi.QUERYCAP, capability)
        everything, this_node = struct.unpack_from("II", capability, abi.CAPABILITIES_AT)
        able = this_node if everything & abi.CAP_DEVICE_CAPS else everything
        if not able & abi.CAP_VIDEO_CAPTURE or not able & abi.CAP_STREAMING:
            raise SourceError(f"{self.device} is not a camera: it cannot capture and stream")
        wanted = bytearray(abi.FORMAT_SIZE)
        struct.pack_into("I", wanted, 0, abi.BUFFER_CAPTURE)
        struct.pack_into("IIII", wanted, 8, self.width, self.height, abi.MJPEG, abi.FIELD_ANY)
        self.kernel.ioctl(descriptor, abi.S_FMT, wanted)
        (given,) = struct.unpack_from("I", wanted, 16)
        if given not in {abi.MJPEG, abi.JPEG}:
            code = given.to_bytes(4, "little").decode("ascii", "replace")
            raise SourceError(f"{self.device} delivers {code}, not MJPEG")
        rate = bytearray(abi.PARAMETERS_SIZE)
        struct.pack_into("I", rate, 0, abi.BUFFER_CAPTURE)
        struct.pack_into("II", rate, 12, 1, self.fps)
        # Not every driver lets the rate be chosen; then the camera's own is taken.
        with contextlib.suppress(OSError):
            self.kernel.ioctl(descriptor, abi.S_PARM, rate)

    def _share_buffers(self, descriptor: int) -> list[Memory]:
        """Map the driver's frame buffers and hand them all to the driver to fill."""
        request = bytearray(abi.REQUEST_SIZE)
        struct.pack_into("III", request, 0, _BUFFERS, abi.BUFFER_CAPTURE, abi.MEMORY_MMAP)
        self.kernel.ioctl(descriptor, abi.REQBUFS, request)
        (count,) = struct.unpack_from("I", request, 0)
        if count < 2:
            raise SourceError(f"{self.device} has no memory for frames")
        memory: list[Memory] = []
        try:
            for index in range(count):
                buffer = abi.buffer(index)
                self.kernel.ioctl(descriptor, abi.QUERYBUF, buffer)
                (offset,) = struct.unpack_from("I", buffer, abi.BUFFER_OFFSET_AT)
                (length,) = struct.unpack_from("I", buffer, abi.BUFFER_LENGTH_AT)
                memory.append(self.kernel.map(descriptor, length, offset))
                self.kernel.ioctl(descriptor, abi.QBUF, abi.buffer(index))
        except BaseException:
            for each in memory:
                each.close()
            raise
        return memory

    def _stream(
        self, descriptor: int, memory: list[Memory], stop: threading.Event
    ) -> Iterator[bytes]:
        last = time.monotonic()
        while not stop.is_set():
            ready, _, _ = select.select([descriptor], [], [], 0.2)
            frame = self._next(descriptor, memory) if ready else None
            if frame:
                last = time.monotonic()
                yield frame
            elif time.monotonic() - last > _PATIENCE_SECONDS:
                raise SourceError(f"{self.device}: no frame for {_PATIENCE_SECONDS:g} s")

    def _next(self, descriptor: int, memory: list[Memory]) -> bytes | None:
        """A filled buffer's content; the buffer goes back to the driver at once."""
        buffer = abi.buffer(0)
        try:
            self.kernel.ioctl(descriptor, abi.DQBUF, buffer)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return None
            raise
        index, _, used, flags = struct.unpack_from("IIII", buffer, 0)
        frame = None if flags & abi.FLAG_ERROR else bytes(memory[index][:used])
        self.kernel.ioctl(descriptor, abi.QBUF, abi.buffer(index))
        return frame


def open_uri(address: str, options: Mapping[str, Any]) -> Video4LinuxSource:
    """The source for ``v4l2:``."""
    return Video4LinuxSource(device=address, **options)
