# SPDX-License-Identifier: Apache-2.0
"""The model looks at the item: where, how steadily, and at which of several."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.camera_setting import model_from, settings_in
from camera.captures import Captures
from camera.inference_loop import InferenceLoop
from camera.messaging.status import Status
from camera.page.overlay import annotated
from camera.vision.frame_buffer import Frame, FrameBuffer
from camera.vision.jpeg import decoded, model_input
from contracts.bins import BinPolicy
from contracts.cut import Box, CutRule, whole
from tests.camera import tiny

LEFT, RIGHT = Box(20, 60, 130, 170), Box(220, 70, 300, 160)


class Played:
    """A camera that is shown frames one by one: what it reported, and where it looked."""

    def __init__(self, folder, *, cut=CutRule()):  # noqa: B008 - a frozen value
        self.reports, self.seen, self._number = [], [], 0
        settings = settings_in(folder)
        self.model = model_from(tiny.write_model(folder / "archive", cut=cut)[0], folder)
        self.loop = InferenceLoop(
            settings=settings,
            slot=FrameBuffer[Frame](),
            status=Status(thing="bench", source="dir:"),
            report=lambda decision, *_: self.reports.append(tiny.LABELS[decision.label]),
            watch=self.seen.append,
        )
        self.loop.swap(self.model)

    def show(self, items, *, frames, light=1.0):
        """So many frames of a view; the views that came of them."""
        before = len(self.seen)
        for _ in range(frames):
            self._number += 1
            jpeg = tiny.view(items, light=light, seed=self._number)
            self.loop.process(Frame(jpeg, self._number / 15))
        return [seen.view for seen in self.seen[before:]]


@pytest.fixture
def played(tmp_path):
    camera = Played(tmp_path)
    camera.show({}, frames=8)
    return camera


def test_the_region_is_around_the_item_and_steady(played):
    views = played.show({"glass": LEFT}, frames=12)[2:]
    (region,) = {view.region for view in views}
    assert region.left <= LEFT.left
    assert region.top <= LEFT.top
    assert region.right >= LEFT.right
    assert region.bottom >= LEFT.bottom
    assert region.width * region.height < 2.2 * LEFT.width * LEFT.height


def test_the_model_gets_the_region_as_the_contract_cuts_it(played):
    views = [view for view in played.show({"paper": RIGHT}, frames=6) if view.pixels is not None]
    assert views
    for view in views:
        size = {"width": tiny.SIZE, "height": tiny.SIZE}
        expected = model_input(view.frame.jpeg, region=view.region, **size)
        assert np.array_equal(view.pixels, expected)


class Recording:
    """An onnxruntime session that keeps what it was shown."""

    def __init__(self, session):
        self._session, self.shown = session, []

    def run(self, names, inputs):
        self.shown.append(inputs["image"][0])
        return self._session.run(names, inputs)


@pytest.mark.parametrize("learned", [True, False], ids=["learned", "not learned"])
def test_the_frames_of_an_item_are_flipped_in_turns_for_a_model_that_learned_it(tmp_path, learned):
    camera = Played(tmp_path)
    session = Recording(camera.model.session)
    card = replace(camera.model.card, flips=learned)
    camera.loop.swap(replace(camera.model, session=session, card=card))
    camera.show({}, frames=8)
    for item in ({"glass": LEFT}, {"paper": RIGHT}):
        session.shown.clear()
        looked = [view for view in camera.show(item, frames=6) if view.pixels is not None]
        camera.show({}, frames=8)
        assert len(looked) == len(session.shown) >= 4
        for number, (view, shown) in enumerate(zip(looked, session.shown, strict=True)):
            down, across = ((1, 1), (-1, -1), (1, -1), (-1, 1))[number % 4 if learned else 0]
            assert np.array_equal(shown, view.pixels[::down, ::across])
    assert camera.reports == ["glass", "paper"]


def test_a_model_without_a_cut_looks_at_the_whole_frame(tmp_path):
    camera = Played(tmp_path, cut=None)
    camera.show({}, frames=8)
    for view in camera.show({"glass": LEFT}, frames=8):
        assert view.region is None
        if view.pixels is not None:
            size = {"width": tiny.SIZE, "height": tiny.SIZE}
            assert np.array_equal(view.pixels, model_input(view.frame.jpeg, **size))
    assert camera.reports == ["glass"]


def test_before_the_empty_view_is_known_it_looks_at_the_whole_frame(tmp_path):
    camera = Played(tmp_path)
    views = camera.show({"glass": whole(320, 240)}, frames=4)
    assert [view.region for view in views] == [None] * 4
    assert all(view.pixels is not None for view in views)


@pytest.mark.parametrize("light", [0.75, 1.3])
def test_another_light_moves_the_region_by_no_more_than_a_cell(played, light):
    before = played.show({"glass": LEFT}, frames=8)[-1].region
    after = played.show({"glass": LEFT}, frames=8, light=light)[-1].region
    assert max(abs(one - other) for one, other in zip(before, after, strict=True)) <= 24


def test_an_item_at_the_edge_is_looked_at_inside_the_frame(played):
    region = played.show({"trash": Box(-40, 150, 60, 240)}, frames=8)[-1].region
    assert (region.left, region.bottom) == (0, 240)
    played.show({}, frames=8)
    assert played.reports == ["trash"]


@pytest.mark.parametrize("second", ["paper", "glass too"])
def test_an_item_put_beside_another_is_told_as_well(played, second):
    played.show({"glass": LEFT}, frames=12)
    assert played.reports == ["glass"]
    both = {"glass": LEFT, second: RIGHT}
    views = played.show(both, frames=25)
    assert played.reports == ["glass", second.partition(" ")[0]]
    assert views[-1].region.left > LEFT.right
    # Whichever goes first, nothing is told twice.
    played.show({second: RIGHT}, frames=25)
    played.show({}, frames=8)
    assert len(played.reports) == 2


def test_under_a_lamp_that_flickers_an_item_of_other_colours_is_told_as_well(played):
    """The view is never still, so that colours alone tell."""
    played.show({"trash": LEFT}, frames=8)
    played.show({}, frames=8)
    for number in range(36):
        items = {"glass": LEFT} if number < 12 else {"glass": LEFT, "paper": RIGHT}
        played.show(items, frames=1, light=1.0 + 0.06 * (number % 2))
    played.show({}, frames=8)
    assert played.reports == ["trash", "glass", "paper"]


def test_the_second_one_leaves_first_and_nothing_is_told_twice(played):
    played.show({"glass": LEFT}, frames=12)
    played.show({"glass": LEFT, "paper": RIGHT}, frames=25)
    played.show({"glass": LEFT}, frames=25)
    played.show({}, frames=8)
    assert played.reports == ["glass", "paper"]


def test_two_that_come_at_once_are_told_one_after_the_other_the_larger_first(played):
    played.show({"glass": LEFT, "paper": RIGHT}, frames=30)
    played.show({}, frames=8)
    assert played.reports == ["glass", "paper"]


def test_a_hand_that_passes_beside_is_no_item(played):
    played.show({"glass": LEFT}, frames=12)
    for step in range(6):
        played.show({"glass": LEFT, "trash": Box(300 - 15 * step, 100, 320, 240)}, frames=1)
    played.show({"glass": LEFT}, frames=12)
    played.show({}, frames=8)
    assert played.reports == ["glass"]


def test_an_item_that_is_pushed_is_told_once(played):
    played.show({"glass": LEFT}, frames=12)
    played.show({"glass": RIGHT}, frames=20)
    played.show({}, frames=8)
    assert played.reports == ["glass"]


def test_an_item_in_the_place_of_another_is_told(played):
    played.show({"glass": LEFT}, frames=12)
    played.show({"paper": LEFT}, frames=20)
    played.show({}, frames=8)
    assert played.reports == ["glass", "paper"]


def test_frames_of_another_size_begin_anew(played):
    """As a folder of photos shows them, without a gap between."""
    played.show({"glass": LEFT}, frames=8)
    jpeg = tiny.photo("glass", width=1280, height=720)
    for number in range(4):
        played.loop.process(Frame(jpeg, 100 + number / 15))
    region = played.seen[-1].view.region
    assert region.left < 1280 / 6 < 5 * 1280 / 6 < region.right
    assert region.bottom <= 720


def test_the_page_draws_the_region(played):
    played.show({"glass": LEFT}, frames=3)
    seen = played.seen[-1]
    bins = BinPolicy({"glass": "recycling"})
    drawn = decoded(annotated(seen, bins=bins, last="", identify=False), divisor=1)
    scale = drawn.rgb.shape[0] / 240
    region = seen.view.region
    colour = np.array(bins.colour(bins.bin_for("glass", 1.0)))
    middle = int(scale * (region.left + region.right) / 2)
    # JPEG blurs a thin line; nothing else on the grey table is so blue.
    for row in (region.top * scale + 1, region.bottom * scale - 2):
        assert np.abs(drawn.rgb[int(row), middle].astype(int) - colour).max() < 60


def test_a_capture_has_the_whole_frame_and_the_region(played, tmp_path):
    captures = Captures(tmp_path / "kept", thing="cam", unsure_below=1.1, per_hour=10)
    played.show({"glass": LEFT}, frames=8)
    for seen in played.seen:
        captures.watch(seen)
    ((_, jpeg, document),) = captures._waiting
    (decided,) = [seen for seen in played.seen if seen.decision is not None]
    assert jpeg == decided.view.frame.jpeg
    assert document["region"] == list(decided.view.region)


def test_an_item_that_the_model_takes_for_the_same_is_told_by_its_colours(played):
    """Two of one class, one after the other in the same place, without a gap between."""
    tiny_colours = dict(tiny.COLOURS)
    played.show({"glass": LEFT}, frames=12)
    try:
        tiny.COLOURS["glass"] = (140, 90, 90)
        played.show({"glass": LEFT}, frames=30)
    finally:
        tiny.COLOURS.update(tiny_colours)
    played.show({}, frames=8)
    assert played.reports == ["glass", "glass"]


def test_the_rim_of_an_item_leaves_nothing_in_the_empty_view(played):
    """Too thin a strip of it is in view; what it covered must not be an item afterwards."""
    played.show({"paper": RIGHT}, frames=8)
    played.show({}, frames=8)
    rim = Box(-60, 10, 6, 150)
    assert not any(view.presence.present for view in played.show({"trash": rim}, frames=40))
    played.show({}, frames=4)
    played.show({"glass": LEFT}, frames=12)
    views = played.show({}, frames=12)
    assert not views[-1].presence.present
    assert played.reports == ["paper", "glass"]
