# SPDX-License-Identifier: Apache-2.0
import io
import itertools
import threading
import time

import pytest
from PIL import Image

from camera.__main__ import _with_class_folders
from camera.sources import SourceError, open_source
from camera.sources.jpeg_stream import JpegCutter
from camera.vision.jpeg import thumbnail
from contracts.source_uris import SCHEMES
from tests.camera import tiny
from tests.camera.conftest import show


def read(uri, count=None):
    return list(itertools.islice(open_source(uri).frames(threading.Event()), count))


def test_a_folder_shows_each_photo_in_order_of_name_and_an_empty_view_between(lens):
    photos = {name: tiny.photo(name) for name in tiny.LABELS}
    for number, name in enumerate(reversed(tiny.LABELS)):
        show(lens, f"{9 - number}.jpg", photos[name])
    (lens / "notes.txt").write_text("no photo")
    (lens / ".hidden.jpg").write_bytes(photos["glass"])
    frames = read(f"dir:{lens}?hold=3&gap=2&fps=0")
    empty = frames[0]
    assert float(thumbnail(empty).std()) < 1
    expected = [empty] * 2
    for name in tiny.LABELS:
        expected += [photos[name]] * 3 + [empty] * 2
    assert frames == expected


def test_a_folder_may_bring_the_empty_view_of_its_camera(lens):
    show(lens, "_empty.jpg", tiny.photo("paper", seed=9))
    show(lens, "1.jpg", tiny.photo("glass"))
    frames = read(f"dir:{lens}?hold=2&gap=1&fps=0")
    empty = tiny.photo("paper", seed=9)
    assert frames == [empty, tiny.photo("glass"), tiny.photo("glass"), empty]


def test_a_followed_folder_shows_what_is_renamed_into_place_later(lens):
    stop = threading.Event()
    frames = open_source(f"dir:{lens}?follow=1&hold=1&gap=0&fps=0").frames(stop)
    empty = next(frames)
    assert next(frames) == empty
    (lens / "1.jpg.part").write_bytes(tiny.photo("glass")[:500])
    assert next(frames) == empty
    show(lens, "1.jpg", tiny.photo("glass"))
    assert next(frame for frame in frames if frame != empty) == tiny.photo("glass")
    assert next(frames) == empty
    stop.set()
    assert list(frames) in ([], [empty])


def test_frames_come_no_faster_than_asked_for(lens):
    show(lens, "1.jpg", tiny.photo("glass"))
    began = time.monotonic()
    assert len(read(f"dir:{lens}?hold=6&gap=2&fps=50")) == 10
    assert time.monotonic() - began >= 0.19


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere.*No such file"):
        read(f"dir:{tmp_path}/nowhere")


def test_an_mjpeg_file_is_cut_into_its_frames(tmp_path):
    frames = [tiny.photo(name, width=640, height=480, seed=3) for name in tiny.LABELS]
    clip = tmp_path / "clip.mjpeg"
    clip.write_bytes(b"junk" + b"".join(frames) + frames[0][:100])
    assert read(f"file:{clip}?fps=0") == frames
    assert read(f"file:{clip}?fps=0&loop=1", 7) == [*frames, *frames, frames[0]]


def jpeg(**options):
    file = io.BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(file, "JPEG", **options)
    return file.getvalue()


THUMBNAIL = jpeg()


@pytest.mark.parametrize(
    "options",
    [
        {"exif": b"Exif\0\0" + THUMBNAIL},
        {"icc_profile": THUMBNAIL * 3},
        {"comment": b"\xff\xd8\xff\xe0" + b"\xff\xd9" * 9},
        {"progressive": True, "exif": b"Exif\0\0" + THUMBNAIL},
        {"restart_marker_blocks": 1},
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 7, 1000, 1 << 20])
def test_frames_are_cut_behind_their_scans_however_they_arrive(options, chunk):
    frame = jpeg(**options)
    stream = b"junk\xff" + frame + b"\0\0" + frame + frame[:-40] + frame
    cutter = JpegCutter(longest=1 << 20)
    seen = []
    for begin in range(0, len(stream), chunk):
        seen += cutter.cut(stream[begin : begin + chunk])
    assert seen == [frame] * 3


def test_what_never_ends_does_not_fill_the_memory():
    cutter = JpegCutter(longest=10_000)
    assert not list(cutter.cut(THUMBNAIL[:-2]))
    for _ in range(10):
        assert not list(cutter.cut(b"\x55" * 5000))
        assert len(cutter._pending) <= 10_000
    assert list(cutter.cut(THUMBNAIL)) == [THUMBNAIL]


def test_a_folder_without_a_photo_says_what_it_has_instead(tmp_path):
    for name in ("glass", "paper"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.JPG").write_bytes(THUMBNAIL)
    with pytest.raises(SourceError, match=r"2 photos lie one folder down \(glass, paper\).*/glass"):
        read(f"dir:{tmp_path}?fps=0")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "1.webp").write_bytes(b"x")
    with pytest.raises(SourceError, match=r"it has 1 \.webp, and only \.jpeg \.jpg \.png is"):
        read(f"dir:{tmp_path}/other?fps=0")


def test_a_file_without_frames_is_refused(tmp_path):
    (tmp_path / "clip.mjpeg").write_bytes(b"\0" * 200_000)
    with pytest.raises(SourceError, match="no JPEG in it"):
        read(f"file:{tmp_path}/clip.mjpeg")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("ftp://camera/1", f"begins with one of {SCHEMES}"),
        ("photos", f"begins with one of {SCHEMES}"),
        ("dir:", "a path must follow"),
        ("dir:/photos?hold=0", "option hold = '0': allowed are 1 to 10000"),
        ("dir:/photos?fps=fast", "option fps"),
        (
            "dir:/photos?speed=1",
            "unknown option 'speed': allowed are folders, follow, fps, gap, hold",
        ),
        ("file:/clip?loop=yes", "option loop"),
    ],
)
def test_a_wrong_uri_is_refused_with_what_is_allowed(uri, said):
    with pytest.raises(SourceError, match=said):
        open_source(uri)


def test_class_folders_are_shown_where_that_is_asked_for(tmp_path):
    for name in ("glass", "paper", "@eaDir", ".cache"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(name.encode())
    source = open_source(f"dir:{tmp_path}?fps=0&hold=1&gap=1&folders=1")
    frames = list(source.frames(threading.Event()))
    assert [frame for frame in frames if len(frame) < 20] == [b"glass", b"paper"]
    assert _with_class_folders("dir:x?fps=0") == "dir:x?fps=0&folders=1"
    assert _with_class_folders("dir:x?folders=0") == "dir:x?folders=0"
    assert _with_class_folders("v4l2:/dev/video0") == "v4l2:/dev/video0"
