# SPDX-License-Identifier: Apache-2.0
"""The part of Linux's ``videodev2.h`` that capturing MJPEG takes, for 64-bit systems.

A test compares every number here with the header, where a C compiler is at hand.
"""

import fcntl
import mmap
import os
import struct
from typing import Protocol

QUERYCAP = 0x80685600
S_FMT = 0xC0D05605
REQBUFS = 0xC0145608
QUERYBUF = 0xC0585609
QBUF = 0xC058560F
DQBUF = 0xC0585611
STREAMON = 0x40045612
STREAMOFF = 0x40045613
S_PARM = 0xC0CC5616

CAP_VIDEO_CAPTURE = 0x1
CAP_STREAMING = 0x4000000
CAP_DEVICE_CAPS = 0x80000000
MJPEG = 0x47504A4D
JPEG = 0x4745504A
FIELD_ANY = 0
MEMORY_MMAP = 1
BUFFER_CAPTURE = 1
FLAG_ERROR = 0x40

CAPABILITY_SIZE = 104
CAPABILITIES_AT = 84
FORMAT_SIZE = 208
REQUEST_SIZE = 20
PARAMETERS_SIZE = 204
BUFFER_SIZE = 88
BUFFER_MEMORY_AT = 60
BUFFER_OFFSET_AT = 64
BUFFER_LENGTH_AT = 72

CAPTURE = struct.pack("I", BUFFER_CAPTURE)


class Memory(Protocol):
    """A mapped frame buffer."""

    def __getitem__(self, key: slice, /) -> bytes: ...
    def close(self) -> None: ...


class Kernel(Protocol):
    """The system calls that a camera is used through."""

    def open(self, path: str) -> int: ...
    def ioctl(self, descriptor: int, request: int, data: bytearray) -> None: ...
    def map(self, descriptor: int, length: int, offset: int) -> Memory: ...


class LinuxKernel:
    """The real ones."""

    def open(self, path: str) -> int:
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def ioctl(self, descriptor: int, request: int, data: bytearray) -> None:
        fcntl.ioctl(descriptor, request, data, True)

    def map(self, descriptor: int, length: int, offset: int) -> Memory:
        return mmap.mmap(descriptor, length, offset=offset)


def buffer(index: int) -> bytearray:
    """A ``v4l2_buffer`` that names the frame buffer ``index``."""
    data = bytearray(BUFFER_SIZE)
    struct.pack_into("II", data, 0, index, BUFFER_CAPTURE)
    struct.pack_into("I", data, BUFFER_MEMORY_AT, MEMORY_MMAP)
    return data
