# SPDX-License-Identifier: Apache-2.0
"""Network cameras. PyAV is no part of the project: without it, only what needs none is tested."""

import importlib.util
import itertools
import json
import logging
import threading
import traceback
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from camera.sources import SourceError, open_source, rtsp, without_secrets
from camera.sources.frame_clock import FrameClock
from camera.sources.shown import place_of
from camera.vision.jpeg import encode, model_input
from tests.camera.conftest import running, wait_for
from tests.camera.rtsp_server import RtspCamera

needs_av = pytest.mark.skipif(
    importlib.util.find_spec("av") is None, reason="PyAV (pip install av==18.1.0) is not installed"
)
SECRET = "p@ss/w0rd?x"
ENCODED = "p%40ss%2Fw0rd%3Fx"
COLOURS = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]


@pytest.fixture
def frames():
    return [
        encode(np.full((96, 160, 3), colour, dtype=np.uint8), subsampling="420")
        for colour in COLOURS
    ]


@pytest.fixture
def camera(frames):
    camera = RtspCamera(frames, fps=60, user="admin", password=SECRET)
    yield camera
    camera.close()


def colour_of(jpeg):
    mean = model_input(jpeg, width=32, height=32).mean(axis=(0, 1))
    return COLOURS[int(np.argmin([np.abs(mean - each).sum() for each in COLOURS]))]


@needs_av
def test_frames_of_a_camera_that_sends_jpeg_arrive_in_turn(camera):
    source = open_source(f"rtsp://admin:{ENCODED}@{camera.place}#fps=60")
    stop = threading.Event()
    seen = [colour_of(jpeg) for jpeg in itertools.islice(source.frames(stop), 6)]
    assert set(seen) == set(COLOURS)
    assert source.live


@needs_av
def test_no_more_frames_are_passed_on_than_asked_for(camera):
    source = open_source(f"rtsp://admin:{ENCODED}@{camera.place}#fps=5")
    stop = threading.Event()
    threading.Timer(2, stop.set).start()
    assert 3 <= len(list(source.frames(stop))) <= 14


@needs_av
def test_a_camera_that_hangs_up_is_lost_and_delivers_again(camera, settings, publisher):
    uri = f"rtsp://admin:{ENCODED}@{camera.place}"
    with running(replace(settings, source=uri), publisher) as program:
        wait_for(lambda: publisher.state.get("source_state") == "streaming")
        camera.hang_up()
        wait_for(lambda: publisher.state["source_state"] == "lost")
        before = program.live().frames
        wait_for(lambda: publisher.state["source_state"] == "streaming")
        wait_for(lambda: program.live().frames > before)


@needs_av
@pytest.mark.parametrize("wrong", ["password", "port"])
def test_no_message_tells_the_password(  # noqa: PLR0917
    wrong, camera, settings, publisher, caplog, capfd
):
    caplog.set_level(logging.DEBUG)
    secret = "not-it-98" if wrong == "password" else ENCODED
    place = camera.place if wrong == "password" else "127.0.0.1:9/live"
    settings = replace(settings, source=f"rtsp://admin:{secret}@{place}?key={secret}")
    with running(settings, publisher):
        wait_for(lambda: publisher.state.get("source_state") == "lost")
    told = (
        json.dumps(publisher.messages) + caplog.text + repr(settings) + "".join(capfd.readouterr())
    )
    assert "rtsp://***@" in told
    assert place.partition("/")[0] in publisher.state["problem"]
    assert secret not in told
    assert SECRET not in told


@needs_av
def test_other_video_is_decoded_and_its_frames_compressed(tmp_path):
    import av  # noqa: PLC0415 - not installed everywhere

    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for colour in COLOURS * 2:
            frame = av.VideoFrame.from_ndarray(np.full((96, 160, 3), colour, dtype=np.uint8))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = rtsp.RtspSource(url=str(clip), fps=60)
    seen = []
    with pytest.raises(SourceError, match="ended the stream"):
        seen += [colour_of(jpeg) for jpeg in source.frames(threading.Event())]
    # A file has no clock: what comes at once is passed over, and the first is not.
    assert seen == [] or seen[0] == COLOURS[0]


def test_without_pyav_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    source = open_source("rtsp://camera.local/stream")
    with pytest.raises(SourceError, match=r"PyAV.*pip install av=="):
        next(iter(source.frames(threading.Event())))


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("rtsp:///stream", "rtsp://"),
        ("rtsp://camera/1#fps=0", "1 to 60"),
        ("rtsp://camera/1#transport=smoke", "tcp, udp"),
        ("rtsp://camera/1#size=4", "fps, transport"),
    ],
)
def test_a_wrong_address_is_refused(uri, allowed):
    with pytest.raises(SourceError, match=allowed):
        open_source(uri)


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "RTSP", "http", "https", "srt", "onvif"])
@pytest.mark.parametrize("character", "/?#[]@:&=%; 7\\")
@pytest.mark.parametrize("place", ["10.0.0.5", "10.0.0.5:554", "[fe80::1]:554"])
def test_no_character_makes_an_address_tell_its_password(scheme, character, place):
    uri = f"{scheme}://admin:Zq7{character}Kw9@{place}/s"
    told = without_secrets(uri)
    read = scheme.lower() in {"rtsp", "http", "https"}
    if not read or character in "/?#[]":
        with pytest.raises(SourceError, match="%2F" if read else "begins with one of") as refused:
            open_source(uri)
        told += "".join(traceback.format_exception(refused.value))
    else:
        source: Any = open_source(uri)
        told += repr(source) + place_of(source.url)
    assert "Zq7" not in told
    assert "Kw9" not in told


def test_digits_before_a_slash_are_no_port():
    with pytest.raises(SourceError, match="%2F") as refused:
        open_source("rtsp://admin:2024/77@camera/s")
    assert "2024" not in str(refused.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("rtsp://admin:secret@camera:554/a/b", "rtsp://***@camera:554/a/b"),
        ("rtsp://admin:sec@ret@camera/a", "rtsp://***@camera/a"),
        ("rtsp://camera/a?user=u&password=p#fps=5", "rtsp://camera/a?user=***&password=***#fps=5"),
        ("rtsp://camera/a@b", "rtsp://***@b"),
        ("rtsp://admin:sec/ret@camera/a", "rtsp://***@camera/a"),
        ("rtsp://admin:sec#ret@camera/a#fps=5", "rtsp://***@camera/a#fps=5"),
        ("rtsp://admin:sec?ret@camera/a", "rtsp://***"),
        ("rtsp://camera/a?password=sec@ret", "rtsp://***"),
        ("rtsp://camera/a?password=sec#ret", "rtsp://camera/a?password=***#***"),
        ("rtsp://camera/a?secret", "rtsp://camera/a?***"),
        ("rtsp://camera/user=admin&password=secret", "rtsp://camera/user=***&password=***"),
        ("rtsp:admin:secret@camera/a", "rtsp:***@camera/a"),
        ("RTSP://admin:secret@camera/a", "RTSP://***@camera/a"),
        ("srt://camera:9000?passphrase=secret", "srt://camera:9000?passphrase=***"),
        ("file://admin:secret@nas/clip", "file://***@nas/clip"),
        ("dir:/photos/@eaDir", "dir:/photos/@eaDir"),
        ("dir:/photos?hold=3", "dir:/photos?hold=3"),
    ],
)
def test_what_is_shown_of_an_address_holds_no_secret(uri, shown):
    assert without_secrets(uri) == shown


def test_frames_that_come_late_are_passed_over_but_something_is_always_seen(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("camera.sources.frame_clock.time.monotonic", lambda: now[0])
    clock = FrameClock(15)
    assert clock.due(0.0)
    passed = []
    for number in range(1, 40):
        # The camera sends 10 a second; each comes another 50 ms later.
        now[0] += 0.15
        passed.append(clock.due(number * 0.1))
    assert all(passed[:5])
    assert 4 <= sum(passed[10:]) <= 6
