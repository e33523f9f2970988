# SPDX-License-Identifier: Apache-2.0
"""The loop's own parts: what is held back, which settings it needs, what it accepts as learned.

The loop itself is `make rehearse LOOP=class`, which takes as long as two trainings.
"""

from dataclasses import replace

import pytest
from PIL import Image

from infra.config.settings import ENVIRONMENTS, load
from rehearsal.errors import RehearsalError
from rehearsal.loop import MOST_SHOWN, TESTED, Learned, environment_with_captures, held_back

PAIR = {"photos": 200, "before": 0.95, "after": 0.95, "lost": 0, "won": 0, "points_lost": 0.0}
LEARNED = Learned(
    class_name="metal",
    shown=60,
    taken_for={"glass": 60},
    captures=50,
    labelled={"label": 50},
    old_photos=PAIR,
    new_photos={**PAIR, "photos": 8, "before": 0.0, "after": 1.0},
    sorted_right=9,
    sorted=12,
)


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
@pytest.mark.parametrize("class_name", ["metal", "tin can"])
def test_every_environment_gets_captures_and_the_class(tmp_path, monkeypatch, name, class_name):
    source = ENVIRONMENTS / f"{name}.toml"
    environment_with_captures(source, tmp_path / "files", class_name)
    before = load(name)
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(tmp_path / "files"))
    after = load(name)
    assert after.camera.uploads
    assert after.bins.policy().names(class_name)
    camera = before.camera.model_copy(update={"captures": "upload", "captures_per_hour": 3600})
    assert after.camera == camera
    asked = {"minimum_recall": 0.0, "maximum_forgetting": 1.0}
    assert after.training == before.training.model_copy(update=asked)
    assert after.bins.unsure_below == 0.98
    assert {**before.bins.classes, **after.bins.classes} == after.bins.classes


def _photos(folder, name, count):
    (folder / name).mkdir(parents=True)
    for number in range(count):
        Image.new("RGB", (16, 16)).save(folder / name / f"{number:03d}.jpg")


def test_a_class_is_held_back_whole(tmp_path):
    for name, count in (("glass", 3), ("metal", MOST_SHOWN + TESTED + 5), ("paper", 20)):
        _photos(tmp_path / "all", name, count)
    unknown = held_back(tmp_path / "all", "metal", tmp_path / "known")
    assert sorted(path.name for path in (tmp_path / "known").iterdir()) == ["glass", "paper"]
    assert (len(unknown.shown), len(unknown.tested)) == (MOST_SHOWN, TESTED)
    assert not set(unknown.shown) & set(unknown.tested)
    with pytest.raises(RehearsalError, match="LOOP=tin: allowed: glass, metal, paper"):
        held_back(tmp_path / "all", "tin", tmp_path / "known")
    with pytest.raises(RehearsalError, match="LOOP=paper: 20 photos; at least 34 are needed"):
        held_back(tmp_path / "all", "paper", tmp_path / "known")


def test_what_is_learned_and_what_is_not():
    LEARNED.require()
    one = {**PAIR, "lost": 1, "points_lost": 3.0}
    replace(LEARNED, old_photos=one).require()
    with pytest.raises(RehearsalError, match=r"the old photos lost 1\.5 points"):
        replace(LEARNED, old_photos={**PAIR, "lost": 3, "points_lost": 1.5}).require()
    with pytest.raises(RehearsalError, match="8 of 12 items of metal were sorted right"):
        replace(LEARNED, sorted_right=8).require()
