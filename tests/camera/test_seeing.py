# SPDX-License-Identifier: Apache-2.0
"""From JPEG bytes to one decision per item, without any I/O."""

import numpy as np
import pytest

from camera.vision.item_tracker import ItemTracker
from camera.vision.jpeg import BadFrameError, decoded, encode, model_input, thumbnail
from camera.vision.presence_detector import STILL, PresenceGate
from tests.camera import tiny

SURE = np.array([0.1, 0.8, 0.1], dtype=np.float32)
OTHER = np.array([0.6, 0.3, 0.1], dtype=np.float32)


def tracker(**changed):
    return ItemTracker(
        **{"smoothing_frames": 3, "arrival_frames": 2, "departure_frames": 2, **changed}
    )


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\0" * 5000,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        tiny.photo("glass")[:2000],
        tiny.photo("glass")[:-200],
        tiny.photo("glass")[700:],
        encode(np.zeros((8, 8, 3), dtype=np.uint8)),
    ],
    ids=["empty", "zeros", "png", "cut", "no end", "no start", "tiny"],
)
def test_a_damaged_picture_is_a_bad_frame(damaged):
    with pytest.raises(BadFrameError):
        thumbnail(damaged)
    with pytest.raises(BadFrameError):
        model_input(damaged, width=32, height=32)


def test_a_header_that_claims_a_huge_picture_is_refused():
    jpeg = bytearray(tiny.photo("glass"))
    start = jpeg.index(b"\xff\xc0")
    jpeg[start + 5 : start + 9] = b"\x9c\x40\x9c\x40"
    with pytest.raises(BadFrameError, match="40000 x 40000"):
        thumbnail(bytes(jpeg))


@pytest.mark.parametrize("size", [(1280, 720), (641, 479), (320, 240), (97, 65)])
def test_the_gate_sees_the_same_in_a_thumbnail_and_in_the_model_s_picture(size):
    jpeg = tiny.photo("paper", width=size[0], height=size[1])
    for divisor in (1, 2, 4, 8):
        of_model = thumbnail(jpeg, picture=decoded(jpeg, divisor=divisor))
        assert np.abs(thumbnail(jpeg) - of_model).max() < STILL - 1


@pytest.mark.parametrize("label", tiny.LABELS)
def test_an_item_opens_the_gate_also_when_it_is_as_bright_as_the_table(label):
    gate = PresenceGate()
    assert not gate.update(thumbnail(tiny.empty())).present
    assert gate.update(thumbnail(tiny.photo(label))).present
    assert not gate.update(thumbnail(tiny.empty())).present


def test_noise_and_slow_light_do_not_open_the_gate():
    gate = PresenceGate()
    random = np.random.default_rng(1)
    for step in range(200):
        noise = random.normal(0, 2, (18, 24, 3))
        assert not gate.update((80 + 0.3 * step + noise).astype(np.float32)).present


def test_a_camera_that_adjusts_its_exposure_at_the_start_shows_no_item():
    gate = PresenceGate()
    gate.relearn(frames=30)
    for step in range(60):
        exposed = np.full((18, 24, 3), min(20 + 4 * step, 130), dtype=np.float32)
        assert not gate.update(exposed).present
    assert gate.update(thumbnail(tiny.photo("glass"))).present


def test_a_view_that_stays_different_becomes_the_empty_view():
    gate = PresenceGate(absorb_frames=20)
    gate.update(thumbnail(tiny.empty()))
    stain = thumbnail(tiny.photo("trash"))
    assert [gate.update(stain).present for _ in range(30)] == [True] * 20 + [False] * 10
    assert gate.update(thumbnail(tiny.photo("glass"))).present


def test_an_item_is_decided_once_by_the_mean_of_its_frames():
    items = tracker()
    assert items.see(OTHER, captured_at=1) is None
    assert items.see(SURE, captured_at=2) is None
    decision = items.see(SURE, captured_at=3)
    assert (decision.label, decision.frames, decision.captured_at) == (1, 3, 3)
    assert decision.confidence == pytest.approx((0.3 + 0.8 + 0.8) / 3)
    assert not items.undecided
    assert [items.see(OTHER, captured_at=t) for t in range(4, 9)] == [None] * 5
    assert [items.miss(), items.miss()] == [None, None]
    assert items.undecided


def test_a_flicker_does_not_make_two_items_of_one():
    items = tracker()
    decisions = [items.see(SURE, captured_at=t) for t in range(3)]
    decisions += [items.miss()]
    decisions += [items.see(SURE, captured_at=t) for t in range(4, 9)]
    assert sum(decision is not None for decision in decisions) == 1


def test_a_short_item_is_decided_when_it_leaves_and_a_flash_is_no_item():
    items = tracker(smoothing_frames=5)
    items.see(SURE, captured_at=1)
    items.see(SURE, captured_at=2)
    assert items.miss() is None
    decision = items.miss()
    assert (decision.frames, decision.captured_at) == (2, 2)
    items.see(SURE, captured_at=5)
    assert [items.miss(), items.miss(), items.leave()] == [None] * 3


def test_another_model_starts_the_mean_anew():
    items = tracker()
    items.see(OTHER, captured_at=1)
    items.see(OTHER, captured_at=2)
    items.forget_frames()
    two_labels = np.array([0.4, 0.6], dtype=np.float32)
    assert items.see(two_labels, captured_at=3) is None
    assert items.see(two_labels, captured_at=4) is None
    assert items.see(two_labels, captured_at=5).label == 1
