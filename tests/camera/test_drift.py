# SPDX-License-Identifier: Apache-2.0
"""A camera that sees something else than its model learned from."""

import json
import re
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from camera.vision.drift import Drift
from contracts.picture_statistics import describe, spread
from tests.camera import tiny
from tests.camera.conftest import running, show, wait_for
from tests.camera.test_program import install


def picture(level, *, contrast=40):
    random = np.random.default_rng(level)
    return np.clip(random.normal(level, contrast, (32, 32, 3)), 0, 255).astype(np.uint8)


def statistics():
    """What training would write of photos around a brightness of 120."""
    photos = [describe(picture(level)) for level in range(90, 150)]
    measures = {name: spread(each[name] for each in photos) for name in photos[0]}
    return {"photos": 60, **measures, "confidence": spread([0.8, 0.9, 0.95, 0.99])}


@dataclass
class Model:
    card: Any = field(default_factory=lambda: SimpleNamespace(statistics=statistics()))


def test_pictures_like_those_of_training_are_no_drift():
    drift, model = Drift(), Model()
    assert drift.shift is None
    assert {drift.see(model, picture(level), confidence=0.9) for level in range(90, 150)} == {""}
    assert drift.now == ""
    assert 0 <= drift.shift < 2


def test_one_picture_far_off_is_told_by_its_worst_measure():
    drift, model = Drift(), Model()
    told = drift.see(model, picture(250, contrast=10), confidence=0.9)
    assert re.fullmatch(r"\w+ \d+, in training \d+ ± \d+", told)
    assert drift.now == ""


def test_a_shift_of_many_is_told_until_it_is_over():
    drift, model = Drift(), Model()
    told = [drift.see(model, picture(60), confidence=0.9) for _ in range(12)]
    assert told[:9] == [""] * 9
    assert told[-1].startswith("last 12 items: ")
    assert drift.shift > 2
    assert "in training" in drift.now
    for _ in range(60):
        drift.see(model, picture(120), confidence=0.9)
    assert drift.now == ""


def test_a_model_that_is_less_sure_than_in_training_is_drift_and_a_surer_one_is_not():
    for confidence, drifts in ((0.5, True), (1.0, False)):
        drift, model = Drift(), Model()
        for _ in range(10):
            drift.see(model, picture(120), confidence=confidence)
        assert drift.now.startswith("confidence 0.50") == drifts


def test_another_model_has_its_own_measure():
    drift = Drift()
    for _ in range(12):
        drift.see(Model(), picture(60), confidence=0.9)
    assert drift.now == ""


@pytest.mark.parametrize(
    "found",
    [
        None,
        {},
        [],
        {"brightness": 3},
        {"brightness": {"mean": "a", "std": True}},
        {"brightness": {"mean": float("nan"), "std": 1}},
        {"brightness": {"mean": 1, "std": 0}},
    ],
)
def test_a_card_without_usable_statistics_never_drifts(found):
    drift = Drift()
    model = Model(SimpleNamespace(statistics=found))
    assert {drift.see(model, picture(250), confidence=0.1) for _ in range(20)} == {""}
    assert not Drift().see(Model(SimpleNamespace()), picture(250), confidence=0.1)


def test_a_camera_keeps_and_shows_what_is_unlike_training(settings, publisher, models, lens):
    install(settings, *models["good"])
    with running(replace(settings, captures="local"), publisher) as program:
        card = SimpleNamespace(**vars(wait_for(lambda: program.loop.model).card))
        card.statistics = {"red": {"mean": 20.0, "std": 4.0}}
        program.loop.swap(replace(program.loop.model, card=card))
        show(lens, "1.jpg", tiny.photo("glass"))
        folder = settings.model_folder / "captures"
        # A name that begins with a dot is one that is still being written.
        (path,) = wait_for(lambda: list(folder.glob("[!.]*.jpg")) if folder.is_dir() else [])
    reason = json.loads(path.with_suffix(".json").read_text())["reason"]
    assert reason.startswith("drift: red 1")
    assert reason.endswith("in training 20 ± 4")
