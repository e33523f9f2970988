# SPDX-License-Identifier: Apache-2.0
"""Photos of one's own fixed camera: judged by what lies on the view, never by the view."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from rehearsal.samples.set import draw as draw_sample
from rehearsal.samples.tray import SHOTS, Tray, draw, photographed
from tests.training.prepared import split_of
from training import pages
from training.data import load
from training.prepare import prepare

PHOTOS = 24


@pytest.fixture(autouse=True)
def plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without drawings: half of the time."""
    monkeypatch.setattr(pages, "chart", lambda _draw, **_more: "")


@pytest.fixture(scope="module")
def tray(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two views over three days; drawn items on a fifth to a third of the view's width."""
    folder = tmp_path_factory.mktemp("tray")
    draw(folder, photos_per_class=PHOTOS, seed=2, tray=Tray(empties=0))
    return folder


@pytest.fixture
def spoiled(tray: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tray, tmp_path / "dataset"))


def test_no_photo_is_refused_and_shots_of_one_item_stay_together(
    tray: Path, tmp_path: Path
) -> None:
    document = prepare(tray, tmp_path)
    assert document["rejected"] == document["contradictions"] == document["empty"] == []
    assert sorted(view["photos"] for view in document["views"]) == [36, 36]
    for name in document["classes"]:
        paths = sorted(path.relative_to(tray).as_posix() for path in (tray / name).iterdir())
        by_number = sorted(paths, key=lambda path: path[-8:])
        for start in range(0, PHOTOS, SHOTS):
            shots = by_number[start : start + SHOTS]
            assert len({split_of(document, path) for path in shots}) == 1


def test_training_and_test_see_the_item_and_not_the_view(tray: Path, tmp_path: Path) -> None:
    """The photos are cut as the camera cuts; training gets more room around the item to vary."""
    document = prepare(tray, tmp_path)
    assert len(document["items"]) == len(document["digests"])
    shares = []
    for loosely in (False, True):
        part = load(tmp_path, "test", document["classes"], size=64, loosely=loosely)
        boxes = np.stack([box for box in part.boxes if box is not None])
        assert len(boxes) == len(part.labels)
        sides = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        shares.append(float(np.median(sides)))
        assert float(part.aspects.max()) <= 4 / 3 + 0.1
    assert 0.6 < shares[0] <= 1
    assert shares[1] < shares[0]


def test_many_shots_of_one_object_are_copies_and_no_view(tmp_path: Path) -> None:
    """Held in a hand: a pixel to and fro, and noise. They stay in one split."""
    folder = tmp_path / "set"
    draw_sample(folder, photos_per_class=12)
    with Image.open(folder / "compost" / "compost004.jpg") as image:
        shot = np.asarray(image.convert("RGB")).astype(int)
    rng = np.random.default_rng(0)
    shots = []
    for number in range(9):
        noisy = np.roll(shot, rng.integers(-1, 2, 2), (0, 1)) + rng.normal(0, 4, shot.shape)
        name = f"compost/{chr(97 + number)}.jpg"
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(folder / name)
        shots.append(name)
    document = prepare(folder, tmp_path / "out")
    assert document["views"] == []
    assert len({split_of(document, name) for name in shots}) == 1


def test_real_items_on_one_view(trashnet: Path, tmp_path: Path) -> None:
    """360 photos of six classes from one view; compared as whole frames a third was refused."""
    tray = Tray(views=1, widths=(0.2, 0.334), empties=0)
    draw(tmp_path / "set", photos_per_class=60, seed=3, tray=tray, items=photographed(trashnet))
    document = prepare(tmp_path / "set", tmp_path / "out")
    assert document["rejected"] == []
    assert [view["photos"] for view in document["views"]] == [360]


def test_crops_of_real_photos_are_no_contradictions(trashnet: Path, tmp_path: Path) -> None:
    """Much plain ground and a piece of an item: of 10,000 such crops 225 were refused."""
    rng = random.Random(7)  # noqa: S311 - crops, not secrets
    files = sorted(trashnet.rglob("*.jpg"))
    for index in range(600):
        path = rng.choice(files)
        with Image.open(path) as image:
            width, height = (round(side * rng.uniform(0.25, 1)) for side in image.size)
            left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
            crop = image.crop((left, top, left + width, top + height))
        target = tmp_path / "set" / path.parent.name / f"{index:04d}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        crop.save(target, quality=90)
    assert prepare(tmp_path / "set", tmp_path / "out")["contradictions"] == []


def test_the_same_item_in_two_classes_is_refused_and_shown(spoiled: Path, tmp_path: Path) -> None:
    """In another light, saved again: the item is the same picture, and nobody knows what it is."""
    original = sorted((spoiled / "compost").iterdir())[5]
    with Image.open(original) as image:
        copy = ImageEnhance.Brightness(image.convert("RGB")).enhance(0.8)
    copy.save(spoiled / "recycling" / "stray.jpg", quality=70)
    document = prepare(spoiled, tmp_path / "out")
    refused = {item["file"] for item in document["rejected"]}
    assert f"compost/{original.name}" in refused
    assert "recycling/stray.jpg" in refused
    assert all("nearly the same picture is in" in item["reason"] for item in document["rejected"])
    # Another shot of the same item may be in it, no other item.
    assert len(refused) <= 1 + SHOTS
    page = (tmp_path / "out" / "report" / "index.html").read_text()
    assert page.count("what was compared") == len(refused)


def test_empty_views_are_no_class_and_empty_photos_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    draw(folder, photos_per_class=24, seed=2, tray=Tray(views=1, empties=3))
    shutil.move(folder / "_background" / "view0-3.jpg", folder / "compost" / "nothing.jpg")
    document = prepare(folder, tmp_path / "out")
    assert document["classes"] == ["compost", "landfill", "recycling"]
    assert document["backgrounds"] == [f"_background/view0-{number}.jpg" for number in (1, 2)]
    assert document["empty"] == ["compost/nothing.jpg"]
    assert len(list((tmp_path / "out" / "background").iterdir())) == 2
    page = (tmp_path / "out" / "report" / "index.html").read_text()
    assert "show nothing but the empty view" in page
    # The digest stands for the empty views too: training puts items on them.
    (folder / "_background" / "view0-1.jpg").unlink()
    assert prepare(folder, tmp_path / "again")["digest"] != document["digest"]
