# SPDX-License-Identifier: Apache-2.0
"""The DeepLens camera, against a library with the documented call."""

import itertools
import sys
import threading
import types
from dataclasses import replace

import numpy as np
import pytest

from camera.sources import SourceError, open_source
from camera.vision.jpeg import model_input
from tests.camera.conftest import running, wait_for


class Library(types.ModuleType):
    """``getLastFrame()`` returns whether there is a frame, and the frame in BGR."""

    def __init__(self):
        super().__init__("awscam")
        self.frame = np.full((152, 268, 3), (20, 40, 220), dtype=np.uint8)
        self.there = True
        self.calls = 0

    def getLastFrame(self):  # noqa: N802 - its name
        self.calls += 1
        return self.there, self.frame if self.there else None


@pytest.fixture
def library(monkeypatch):
    library = Library()
    monkeypatch.setitem(sys.modules, "awscam", library)
    return library


def read(source, count):
    return list(itertools.islice(source.frames(threading.Event()), count))


def test_blue_green_red_of_the_library_become_the_right_colours(library):
    (jpeg,) = read(open_source("awscam:?fps=60"), 1)
    mean = model_input(jpeg, width=32, height=32).mean(axis=(0, 1))
    assert np.abs(mean - (220, 40, 20)).max() < 4


def test_frames_are_taken_as_often_as_asked_for(library):
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    assert 1 <= len(list(open_source("awscam:?fps=20").frames(stop))) <= 12


@pytest.mark.parametrize("frame", ["nothing", np.zeros((0, 0, 3), np.uint8), np.zeros((4, 4))])
def test_what_is_no_picture_is_passed_over_until_patience_ends(library, frame):
    library.frame = frame
    source = replace(open_source("awscam:?fps=60"), patience_seconds=0.1)
    with pytest.raises(SourceError, match="no frame for"):
        read(source, 1)
    assert library.calls > 1


def test_a_library_that_fails_is_tried_again(library, settings, publisher, monkeypatch):
    settings = replace(settings, source="awscam:?fps=30")
    broken = True
    whole = library.getLastFrame

    def call():
        if broken:
            raise RuntimeError("cannot open the stream")
        return whole()

    monkeypatch.setattr(library, "getLastFrame", call)
    with running(settings, publisher):
        wait_for(lambda: "cannot open the stream" in publisher.state.get("problem", ""))
        broken = False
        wait_for(lambda: publisher.state["source_state"] == "streaming")


def test_elsewhere_than_on_a_deeplens_the_message_names_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "awscam", None)
    with pytest.raises(SourceError, match=r"library awscam.*v4l2:"):
        read(open_source("awscam:"), 1)


def test_it_takes_no_path_and_no_other_option(library):
    with pytest.raises(SourceError, match="only options may follow awscam:"):
        open_source("awscam:/dev/video0")
    with pytest.raises(SourceError, match="allowed are fps"):
        open_source("awscam:?width=3")
