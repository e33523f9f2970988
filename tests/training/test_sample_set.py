# SPDX-License-Identifier: Apache-2.0
"""The sample set is drawn the same every time and is what a dataset must be."""

from pathlib import Path

import pytest
from PIL import Image

from contracts.bins import BINS
from rehearsal.samples.items import ITEMS
from rehearsal.samples.set import draw
from rehearsal.samples.tray import SHOTS, Tray
from rehearsal.samples.tray import draw as draw_tray
from tests.training.steps import files
from training.dataset.taken import taken_at


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        draw(tmp_path / name, photos_per_class=4, seed=seed)
    first = files(tmp_path / "one")
    assert first == files(tmp_path / "again")
    other = files(tmp_path / "other")
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first)


def test_has_the_bins_as_classes_and_every_picture_differs(tmp_path: Path) -> None:
    assert draw(tmp_path, photos_per_class=5) == 15
    found = files(tmp_path)
    assert {name.split("/")[0] for name in found} == set(BINS)
    assert len(set(found.values())) == 15


def test_every_item_is_drawn_in_photo_size(tmp_path: Path) -> None:
    kinds = max(len(items) for items in ITEMS.values())
    draw(tmp_path, photos_per_class=kinds)
    for path in tmp_path.rglob("*.jpg"):
        with Image.open(path) as image:
            assert image.size == (256, 192)
            # An item that was forgotten would leave a plain table: few different colours.
            assert len(image.quantize(32).getcolors() or []) == 32


def test_refuses_to_draw_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="photos_per_class = 0; allowed: 1 or more"):
        draw(tmp_path, photos_per_class=0)


def test_a_tray_is_drawn_the_same_with_its_empty_view(tmp_path: Path) -> None:
    for name in ("one", "again"):
        draw_tray(tmp_path / name, photos_per_class=2, seed=1, tray=Tray(views=1, empties=2))
    assert files(tmp_path / "one") == files(tmp_path / "again")
    names = {path.relative_to(tmp_path / "one").as_posix() for path in tmp_path.glob("one/*/*")}
    assert names == {
        *(f"{name}/view0-{number:04d}.jpg" for name in BINS for number in (1, 2)),
        *(f"_background/view0-{number}.jpg" for number in (1, 2)),
    }
    with Image.open(tmp_path / "one" / "compost" / "view0-0001.jpg") as shot:
        first = taken_at(shot, "")
    with Image.open(tmp_path / "one" / "compost" / "view0-0002.jpg") as shot:
        second = taken_at(shot, "")
    assert first is not None
    assert second == first + SHOTS


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("IMG_20261102_093015.jpg", 1793611815.0),
        ("20261102T093015.250.jpg", 1793611815.25),
        ("1793611815250.jpg", 1793611815.25),
        ("glass12.jpg", None),
        ("20261399_993015.jpg", None),
    ],
)
def test_names_say_when_a_photo_was_taken(name: str, seconds: float | None) -> None:
    assert taken_at(Image.new("RGB", (4, 4)), name) == seconds
