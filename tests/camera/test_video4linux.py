# SPDX-License-Identifier: Apache-2.0
"""The V4L2 source against a driver that answers as the kernel's documentation says."""

import errno
import itertools
import os
import shutil
import struct
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from camera.sources import SourceError, open_source, v4l2_abi
from camera.sources import video4linux as source_module
from camera.sources.video4linux import Video4LinuxSource
from tests.camera import tiny

FRAMES = [tiny.photo(name) for name in tiny.LABELS]

HEADER = Path("/usr/include/linux/videodev2.h")
_REQUESTS = (
    *("QUERYCAP", "S_FMT", "S_PARM", "REQBUFS", "QUERYBUF", "QBUF", "DQBUF"),
    *("STREAMON", "STREAMOFF"),
)
_FLAGS = ("CAP_VIDEO_CAPTURE", "CAP_STREAMING", "CAP_DEVICE_CAPS", "FIELD_ANY", "MEMORY_MMAP")


class FakeDriver:
    """A camera: fills the buffers it was given, in order, and refuses a wrong sequence of calls."""

    def __init__(self, frames, *, pixels=v4l2_abi.MJPEG, capabilities=0x84200001, unplug=False):
        self.frames = list(frames)
        self.pixels, self.capabilities, self.unplug = pixels, capabilities, unplug
        self.memory, self.queued, self.streaming, self.asked = [], [], False, {}
        self.reader = None

    def open(self, path):
        assert path == "/dev/video9"
        # A pipe with a byte in it is always ready to be read, as a camera with frames is.
        self.reader, writer = os.pipe()
        os.write(writer, b"x")
        os.close(writer)
        return self.reader

    def map(self, descriptor, length, offset):
        assert (descriptor, length) == (self.reader, 1 << 20)
        return self.memory[offset >> 12]

    def ioctl(self, descriptor, request, data):
        assert descriptor == self.reader
        names = {v: k for k, v in vars(v4l2_abi).items() if k.isupper() and isinstance(v, int)}
        getattr(self, f"_{names[request].lower()}")(data)

    def _querycap(self, data):
        struct.pack_into("II", data, 84, 0x84A00001, self.capabilities)

    def _s_fmt(self, data):
        kind, width, height, pixels = struct.unpack_from("I4xIII", data, 0)
        assert (kind, pixels) == (1, v4l2_abi.MJPEG)
        self.asked["size"] = (width, height)
        struct.pack_into("III", data, 8, 640, 480, self.pixels)

    def _s_parm(self, data):
        self.asked["fps"] = struct.unpack_from("II", data, 12)
        raise OSError(errno.ENOTTY, "this driver has one rate")

    def _reqbufs(self, data):
        assert struct.unpack_from("III", data, 0) == (4, 1, 1)
        self.memory = [FakeMemory() for _ in range(3)]
        struct.pack_into("I", data, 0, 3)

    def _querybuf(self, data):
        struct.pack_into("I", data, 64, struct.unpack_from("I", data, 0)[0] << 12)
        struct.pack_into("I", data, 72, 1 << 20)

    def _qbuf(self, data):
        index, kind = struct.unpack_from("II", data, 0)
        assert (kind, struct.unpack_from("I", data, 60)[0]) == (1, 1)
        assert index not in self.queued
        self.queued.append(index)

    def _streamon(self, data):
        assert data == b"\1\0\0\0"
        self.streaming = True

    def _streamoff(self, data):
        self.streaming = False

    def _dqbuf(self, data):
        assert self.streaming
        if not self.frames:
            code = errno.ENODEV if self.unplug else errno.EAGAIN
            raise OSError(code, os.strerror(code))
        index, content = self.queued.pop(0), self.frames.pop(0)
        damaged = content is None
        self.memory[index].content[:] = content or b"half a frame"
        flags = v4l2_abi.FLAG_ERROR if damaged else 0
        struct.pack_into("IIII", data, 0, index, 1, len(self.memory[index].content), flags)


class FakeMemory:
    def __init__(self):
        self.content, self.closed = bytearray(), False

    def __getitem__(self, key):
        assert not self.closed
        return bytes(self.content[key])

    def close(self):
        self.closed = True


def read(driver, count=None, **options):
    source = Video4LinuxSource(device="/dev/video9", kernel=driver, **options)
    frames: Any = source.frames(threading.Event())
    found = list(itertools.islice(frames, count))
    frames.close()
    return found


def test_frames_come_untouched_and_damaged_ones_are_left_out():
    driver = FakeDriver([FRAMES[0], None, *FRAMES[1:], *FRAMES])
    assert read(driver, 6, width=800, height=600, fps=10) == FRAMES + FRAMES
    assert driver.asked == {"size": (800, 600), "fps": (1, 10)}
    assert not driver.streaming
    assert all(memory.closed for memory in driver.memory)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(driver.reader)


def test_an_unplugged_camera_is_an_error_that_is_retried():
    driver = FakeDriver(FRAMES, unplug=True)
    with pytest.raises(SourceError, match="/dev/video9: No such device"):
        read(driver)
    assert all(memory.closed for memory in driver.memory)


def test_a_camera_that_falls_silent_is_lost(monkeypatch):
    monkeypatch.setattr(source_module, "_PATIENCE_SECONDS", 0.05)
    with pytest.raises(SourceError, match=r"/dev/video9: no frame for 0\.05 s"):
        read(FakeDriver(FRAMES))


def test_a_camera_without_mjpeg_is_refused():
    yuyv = int.from_bytes(b"YUYV", "little")
    with pytest.raises(SourceError, match="delivers YUYV, not MJPEG"):
        read(FakeDriver([], pixels=yuyv))


def test_a_device_that_is_no_camera_is_refused():
    with pytest.raises(SourceError, match="is not a camera"):
        read(FakeDriver([], capabilities=0x04A00000))


def test_a_device_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match="video7: No such file"):
        next(open_source(f"v4l2:{tmp_path}/video7").frames(threading.Event()))


def test_a_file_that_is_no_device_is_refused(tmp_path):
    (tmp_path / "video7").write_bytes(b"")
    with pytest.raises(SourceError, match="video7: Inappropriate ioctl"):
        next(open_source(f"v4l2:{tmp_path}/video7?fps=5").frames(threading.Event()))


@pytest.mark.parametrize("option", ["width=1", "fps=0", "size=2"])
def test_a_wrong_option_is_refused(option):
    with pytest.raises(SourceError, match="option"):
        open_source(f"v4l2:/dev/video0?{option}")


@pytest.mark.skipif(
    not shutil.which("cc") or not HEADER.exists(),
    reason="needs a C compiler and the kernel's headers",
)
def test_the_numbers_are_those_of_the_kernel_s_header(tmp_path):
    """On x86_64 and arm64 alike: both are LP64 and use the generic ioctl numbers."""
    numbers = {
        **{name: f"VIDIOC_{name}" for name in _REQUESTS},
        **{name: f"V4L2_{name}" for name in _FLAGS},
        "MJPEG": "V4L2_PIX_FMT_MJPEG",
        "JPEG": "V4L2_PIX_FMT_JPEG",
        "BUFFER_CAPTURE": "V4L2_BUF_TYPE_VIDEO_CAPTURE",
        "FLAG_ERROR": "V4L2_BUF_FLAG_ERROR",
        "CAPABILITY_SIZE": "sizeof(struct v4l2_capability)",
        "CAPABILITIES_AT": "offsetof(struct v4l2_capability, capabilities)",
        "FORMAT_SIZE": "sizeof(struct v4l2_format)",
        "REQUEST_SIZE": "sizeof(struct v4l2_requestbuffers)",
        "PARAMETERS_SIZE": "sizeof(struct v4l2_streamparm)",
        "BUFFER_SIZE": "sizeof(struct v4l2_buffer)",
        "BUFFER_MEMORY_AT": "offsetof(struct v4l2_buffer, memory)",
        "BUFFER_OFFSET_AT": "offsetof(struct v4l2_buffer, m)",
        "BUFFER_LENGTH_AT": "offsetof(struct v4l2_buffer, length)",
    }
    literal = {  # offsets written into the source's pack_into calls
        8: "offsetof(struct v4l2_format, fmt)",
        16: "offsetof(struct v4l2_format, fmt.pix.pixelformat)",
        12: "offsetof(struct v4l2_streamparm, parm.capture.timeperframe)",
    }
    lines = [f'printf("%s %lu\\n", "{n}", (unsigned long)({c}));' for n, c in numbers.items()]
    lines += [f'printf("%s %lu\\n", "{n}", (unsigned long)({c}));' for n, c in literal.items()]
    program = tmp_path / "numbers.c"
    program.write_text(
        "#include <stdio.h>\n#include <stddef.h>\n#include <linux/videodev2.h>\n"
        "int main(void) {" + "\n".join(lines) + "return 0; }"
    )
    subprocess.run(["cc", str(program), "-o", str(tmp_path / "numbers")], check=True)
    output = subprocess.run(
        [str(tmp_path / "numbers")], capture_output=True, text=True, check=True
    ).stdout
    header = dict(line.split() for line in output.splitlines())
    ours = {name: str(value) for name, value in vars(v4l2_abi).items() if name.isupper()}
    assert {n: ours[n] for n in numbers} == {n: header[n] for n in numbers}
    assert all(header[str(number)] == str(number) for number in literal)
    assert set(ours) - set(numbers) == {"CAPTURE"}
