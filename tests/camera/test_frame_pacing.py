# SPDX-License-Identifier: Apache-2.0
"""While nothing moves most frames need no look, and no item is lost or seen later for that."""

import itertools

import numpy as np
import pytest

from benchmarks.camera_setting import model_from, settings_in
from camera import inference_loop
from camera.inference_loop import InferenceLoop
from camera.messaging.status import LIVE, Status
from camera.vision.frame_buffer import Frame, FrameBuffer
from camera.vision.frame_pacing import FramePacing
from camera.vision.presence_detector import PresenceGate
from contracts.cut import Box, CutRule
from tests.camera import tiny

LEFT, RIGHT = Box(20, 60, 130, 170), Box(220, 70, 300, 160)


class Camera:
    """Is shown frames one by one at a rate; remembers which it looked at, and what it reported."""

    def __init__(self, folder, *, fps=15, **settings):
        self.reports, self.seen, self.number, self.fps = [], [], 0, fps
        self.status = Status(thing="bench", source="dir:")
        self.loop = InferenceLoop(
            settings=settings_in(folder, **settings),
            slot=FrameBuffer[Frame](),
            status=self.status,
            report=lambda decision, *_: self.reports.append(
                (tiny.LABELS[decision.label], decision.frames, decision.captured_at)
            ),
            watch=self.seen.append,
        )
        archive = tiny.write_model(folder / "archive", cut=CutRule())[0]
        self.loop.swap(model_from(archive, folder))

    def show(self, items, *, frames, jpeg=None):
        """How many of these frames were looked at."""
        before = len(self.seen)
        for _ in range(frames):
            self.number += 1
            made = jpeg or tiny.view(items, seed=self.number)
            self.loop.process(Frame(made, self.number / self.fps))
        return len(self.seen) - before

    @property
    def frames(self):
        return self.status.telemetry(reason=LIVE, model=None, dropped=0, undelivered=0).frames


@pytest.fixture
def camera(tmp_path):
    return Camera(tmp_path)


def test_an_empty_view_is_looked_at_four_times_a_second_and_every_frame_counts(camera):
    camera.show({}, frames=30)
    assert camera.show({}, frames=60) == 15
    assert camera.frames >= 90 - 3


def test_an_item_that_lies_there_decided_is_not_decoded_again_and_again(camera):
    camera.show({}, frames=8)
    camera.show({"glass": LEFT}, frames=30)
    assert camera.show({"glass": LEFT}, frames=60) == 15
    assert [label for label, *_ in camera.reports] == ["glass"]


@pytest.mark.parametrize("held", [0, 1, 2, 3])
def test_an_arrival_is_seen_from_its_first_frame(camera, held):
    """Wherever among the frames that are held back it begins."""
    camera.show({}, frames=40 + held)
    camera.show({"glass": LEFT}, frames=12)
    ((label, frames, captured_at),) = camera.reports
    assert (label, frames) == ("glass", 5)
    # The first item of all is looked at once it lies still: its first frame moves.
    assert round(captured_at * 15) == 40 + held + 1 + 5


def test_an_item_in_view_for_four_frames_is_reported(camera):
    camera.show({}, frames=8)
    camera.show({"glass": LEFT}, frames=10)
    for pause in range(24, 28):
        camera.show({}, frames=pause)
        camera.show({"paper": RIGHT}, frames=4)
    camera.show({}, frames=8)
    found = [(label, frames) for label, frames, _ in camera.reports]
    assert found == [("glass", 5), *[("paper", 4)] * 4]


def _of_size(jpeg, size):
    """The same picture in so many bytes, by a comment in its header."""
    filling = size - len(jpeg) - 4
    assert filling >= 0
    return jpeg[:2] + b"\xff\xfe" + (filling + 2).to_bytes(2, "big") + bytes(filling) + jpeg[2:]


def _of_sizes(items, number, *, size):
    """A frame of a sensor whose noise changes sizes by up to a thousandth."""
    return _of_size(tiny.view(items, seed=number), size + number * 7 % 40)


def test_where_sizes_tell_every_eighth_frame_is_looked_at_until_a_size_is_unusual(camera):
    looked_at = [camera.show({}, frames=1, jpeg=_of_sizes({}, n, size=40_000)) for n in range(80)]
    assert sum(looked_at[:5]) == 5
    assert sum(looked_at[-40:]) == 5
    for number in range(80, 160):
        things = {"glass": LEFT} if 83 <= number < 95 else {}
        size = 41_000 if things else 40_000
        camera.show({}, frames=1, jpeg=_of_sizes(things, number, size=size))
    ((label, frames, captured_at),) = camera.reports
    assert (label, frames) == ("glass", 5)
    assert round(captured_at * 15) == 83 + 1 + 5


@pytest.mark.parametrize("held", range(8))
def test_an_item_in_view_for_four_frames_is_reported_where_sizes_are_watched(camera, held):
    def show(items, *, frames):
        for _ in range(frames):
            size = 41_000 if items else 40_000
            jpeg = _of_sizes(items, camera.number, size=size)
            camera.show({}, frames=1, jpeg=jpeg)

    show({}, frames=20)
    show({"glass": LEFT}, frames=10)
    show({}, frames=40 + held)
    show({"paper": RIGHT}, frames=4)
    show({}, frames=8)
    found = [(label, frames) for label, frames, _ in camera.reports]
    assert found == [("glass", 5), ("paper", 4)]


@pytest.mark.parametrize("sizes", [[40_000], [40_000, 41_000]], ids=["all-alike", "fluctuating"])
def test_sizes_that_tell_nothing_are_not_watched(camera, sizes):
    """A camera that fills its frames up to one size, and one that chooses the quality each time."""
    picture = tiny.view({}, seed=1)
    looked_at = [
        camera.show({}, frames=1, jpeg=_of_size(picture, sizes[n % len(sizes)])) for n in range(80)
    ]
    assert sum(looked_at[-40:]) == 10


def test_a_frame_that_needs_no_look_does_not_wake_the_thread_that_looks(camera):
    camera.show({}, frames=40)
    moments = (camera.number + n for n in itertools.count(1))

    def offered(items):
        number = next(moments)
        frame = Frame(tiny.view(items, seed=number), number / camera.fps)
        held = camera.loop.holds(frame)
        if not held:
            camera.loop.process(frame)
        return not held

    assert sum(offered({}) for _ in range(40)) == 10
    while not offered({}):
        pass
    assert [offered({}), offered({"glass": LEFT})] == [False, False]
    for _ in range(12):
        offered({"glass": LEFT})
    assert [(label, frames) for label, frames, _ in camera.reports] == [("glass", 5)]


@pytest.mark.parametrize("reason", ["a frame waits", "paused"])
def test_nothing_is_held_back_while(camera, reason):
    camera.show({}, frames=40)
    while not camera.show({}, frames=1):
        pass
    number = camera.number + 1
    frame = Frame(tiny.view({}, seed=number), number / camera.fps)
    if reason == "paused":
        camera.loop.paused.set()
    else:
        camera.loop._slot.put(frame)
    assert not camera.loop.holds(frame)
    camera.loop.paused.clear()
    camera.loop._slot.take(timeout=0)
    camera.loop._slot.done()
    assert camera.loop.holds(frame)


def test_a_departure_takes_as_many_frames_as_it_is_set_to(tmp_path):
    camera = Camera(tmp_path, departure_frames=25, smoothing_frames=50)
    camera.show({}, frames=40)
    camera.show({"glass": LEFT}, frames=20)
    gone = camera.number
    camera.show({}, frames=24)
    assert camera.reports == []
    camera.show({}, frames=1)
    assert [label for label, *_ in camera.reports] == ["glass"]
    assert camera.number == gone + 25


@pytest.mark.parametrize(("fps", "looked_at"), [(2, 60), (4, 60), (30, 15)])
def test_a_slow_camera_has_every_frame_looked_at(tmp_path, fps, looked_at):
    camera = Camera(tmp_path, fps=fps)
    camera.show({}, frames=30)
    assert camera.show({}, frames=60) == looked_at


def test_the_reports_of_a_random_stream_are_those_of_looking_at_every_frame(tmp_path, monkeypatch):
    def reports(name):
        camera = Camera(tmp_path / name)
        random = np.random.default_rng(3)
        camera.show({}, frames=20)
        for label, box in itertools.islice(
            itertools.cycle(itertools.product(tiny.LABELS, (LEFT, RIGHT))), 5
        ):
            camera.show({label: box}, frames=int(random.integers(4, 50)))
            if random.random() < 0.3:
                camera.show({label: box, "trash 2": RIGHT}, frames=int(random.integers(15, 30)))
            camera.show({}, frames=int(random.integers(4, 50)))
        camera.show({}, frames=8)
        return camera.reports, len(camera.seen), camera.number

    paced, looked_at, shown = reports("paced")
    assert looked_at < 0.9 * shown
    monkeypatch.setattr(FramePacing, "holds", lambda *_: False)
    every, all_looked_at, _ = reports("every")
    assert all_looked_at == shown
    assert paced == every


def test_damaged_frames_among_those_held_back_end_nothing(camera):
    camera.show({}, frames=41)
    camera.show({}, frames=30, jpeg=b"\xff\xd8\xff damaged")
    camera.show({"glass": LEFT}, frames=12)
    assert [label for label, *_ in camera.reports] == ["glass"]


def test_whatever_goes_wrong_with_a_frame_after_held_ones_is_counted(camera, monkeypatch):
    camera.show({}, frames=42)
    monkeypatch.setattr(inference_loop, "thumbnail", lambda _: 1 / 0)
    camera.show({"glass": LEFT}, frames=12)
    assert [label for label, *_ in camera.reports] == ["glass"]


def test_a_look_that_stands_for_several_frames_teaches_as_much_as_they_would():
    """So that a stain is absorbed after the same time, and light is followed at the same pace."""
    view, stain = np.full((18, 24, 3), 100, np.float32), np.full((18, 24, 3), 100, np.float32)
    stain[4:10, 4:10] = 200
    taken = {}
    for stands_for in (1, 4):
        gate = PresenceGate()
        gate.update(view)
        for _ in range(40 // stands_for):
            gate.update(view + 4, stands_for=stands_for)
        taken[stands_for] = float(gate._empty.mean())
        looks = 0
        while gate.update(stain, stands_for=stands_for).present:
            looks += stands_for
        assert 895 <= looks <= 905
    assert taken[1] == pytest.approx(taken[4])
