# SPDX-License-Identifier: Apache-2.0
"""Addresses and folders that people hand to a camera: each is shown, or refused with a sentence."""

import errno
import itertools
import logging
import os
import threading
from pathlib import Path

import pytest

from camera import classify
from camera.sources import SourceError, open_source
from camera.sources.video4linux import Video4LinuxSource
from contracts.given import given_path, home_path
from contracts.helper_files import visible
from tests.camera import tiny


def read(uri: str, count: int | None = None) -> list[bytes]:
    return list(itertools.islice(open_source(uri).frames(threading.Event()), count))


def photos_in(folder: Path) -> int:
    """How many photos a camera is shown; the first frame is the empty view."""
    return len(read(f"dir:{folder}?fps=0&hold=1&gap=0")) - 1


def test_a_folder_shows_every_photo_that_prepare_takes(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.JPEG", "c.png", "d.PNG"):
        (tmp_path / name).write_bytes(tiny.photo("glass"))
    (tmp_path / "e.jpg").mkdir()
    assert photos_in(tmp_path) == 4


def test_a_folder_names_the_pictures_that_it_leaves_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.jpg").write_bytes(tiny.photo("glass"))
    (tmp_path / "b.HEIC").write_bytes(b"x")
    (tmp_path / "c.jpg").symlink_to("not-fetched")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "._a.webp").write_bytes(b"x")
    with caplog.at_level(logging.WARNING):
        assert photos_in(tmp_path) == 1
    assert "left out 2 pictures (b.HEIC, c.jpg)" in caplog.text


def test_classify_looks_at_no_files_of_desktops_and_storage(tmp_path: Path) -> None:
    for name in ("glass/a.jpg", "glass/@eaDir/a.jpg", "glass/._a.jpg", "__MACOSX/a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert classify._files(tmp_path) == [tmp_path / "glass" / "a.jpg"]
    assert not visible("Thumbs.db")


def test_home_is_where_every_path_may_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(tiny.photo("glass"))
    (tmp_path / "clip.mjpeg").write_bytes(tiny.photo("glass"))
    assert photos_in(Path("~/photos")) == 1
    assert read("file:~/clip.mjpeg?fps=0") == [tiny.photo("glass")]
    assert given_path("~/photos") == (tmp_path / "photos").resolve()


def test_a_link_to_the_photos_of_today_may_move(tmp_path: Path) -> None:
    """A source keeps the path as it was given: a link may lead elsewhere tomorrow."""
    (tmp_path / "today").symlink_to(tmp_path)
    assert home_path(tmp_path / "today") == tmp_path / "today"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("dir:~nobody-has-this-name/x", "home directory"),
        ("dir:a\0b", "null byte"),
        ("file:a\0b", "null byte"),
        ("dir:/x?hold=1&hold=2", "an option is given twice"),
        ("rtsp://u:p@host name/x", "no blank in it"),
        ("rtsp://u:p@host/x\nDESCRIBE", "a line break or another control character"),
        ("rtsp://u:p@host/x#fps=1\n", "a line break or another control character"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(uri: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        open_source(uri)


def test_a_photo_in_place_of_its_folder_is_named_one(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(tiny.photo("glass"))
    with pytest.raises(SourceError, match=r"a\.jpg: a file; dir: takes the folder"):
        read(f"dir:{tmp_path}/a.jpg", 1)


@pytest.mark.parametrize(
    ("begin", "form"), [(b"\0\0\0\x18ftypmp42", "a video"), (b"GIF89a", "GIF")]
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, begin: bytes, form: str) -> None:
    (tmp_path / "my clip.mp4").write_bytes(begin + bytes(2000))
    with pytest.raises(SourceError, match=f"no JPEG in it: it is {form}.*ffmpeg -i 'my clip.mp4' "):
        read(f"file:{tmp_path}/my clip.mp4")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.EBUSY, "another program uses the camera"),
        (errno.EACCES, "the user must be in the group video"),
        (errno.ENODEV, "the camera was unplugged"),
        (errno.EPIPE, "/dev/video9: Broken pipe$"),
    ],
)
def test_a_camera_that_cannot_be_used_says_which_and_why(code: int, said: str) -> None:
    class Refusing:
        def open(self, path: str) -> int:
            raise OSError(code, os.strerror(code))

    source = Video4LinuxSource(device="/dev/video9", kernel=Refusing())  # type: ignore[arg-type]
    with pytest.raises(SourceError, match=said) as told:
        next(source.frames(threading.Event()))
    assert str(told.value).startswith("/dev/video9: ")
