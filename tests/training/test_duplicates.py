# SPDX-License-Identifier: Apache-2.0
"""Duplicates: what is found is exactly what a slow comparison finds, and real copies are."""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps

from training.dataset import duplicates
from training.dataset.duplicates import BITS, LIKE_BITS, find, likeness


@dataclass(frozen=True)
class Print:
    class_name: str
    pixels: str
    likeness: bytes


def are_alike(one: bytes, other: bytes) -> bool:
    """As the module's text says it, bit by bit; ``one`` comes first in the dataset."""
    first, second = (np.frombuffer(item, np.uint8).reshape(2, 2, -1) for item in (one, other))
    for side in second:  # upright, mirrored
        perceptual, gradient = np.bitwise_count(first[0] ^ side).sum(axis=1)
        if perceptual <= LIKE_BITS and gradient <= 2 * LIKE_BITS:
            return True
    return False


def slow(prints: list[Print]) -> tuple[set[frozenset[int]], set[int]]:
    """The groups of alike photos and the doubtful ones, by comparing every pair in Python."""
    parent = list(range(len(prints)))

    def root(node: int) -> int:
        return node if parent[node] == node else root(parent[node])

    doubtful = set()
    for one, other in combinations(range(len(prints)), 2):
        first, second = prints[one], prints[other]
        same = first.pixels == second.pixels
        near = bool(first.likeness and second.likeness) and (
            are_alike(first.likeness, second.likeness)
        )
        if same or near:
            if first.class_name == second.class_name:
                parent[root(one)] = root(other)
            else:
                doubtful |= {one, other}
    groups: dict[int, set[int]] = {}
    for node in range(len(prints)):
        if node not in doubtful:
            groups.setdefault(root(node), set()).add(node)
    return {frozenset(group) for group in groups.values() if len(group) > 1}, doubtful


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 60), st.integers(0, 110), st.integers(0, 9)),
        max_size=40,
    ),
    st.integers(0, 2**32 - 1),
)
def test_finds_what_a_slow_comparison_finds(
    wanted: list[tuple[int, int, int, int]], seed: int
) -> None:
    """Photos some bits away from one of a few originals; mirrored, without structure, copies."""
    rng = np.random.default_rng(seed)
    originals = rng.integers(0, 2, (6, 2, BITS), np.uint8)
    prints = []
    for original, perceptual, gradient, kind in wanted:
        bits = originals[original].copy()
        for row, count in ((0, perceptual), (1, gradient)):
            bits[row, rng.permutation(BITS)[:count]] ^= 1
        mirrored = rng.integers(0, 2, (2, BITS), np.uint8)
        both = (mirrored, bits) if kind == 8 else (bits, mirrored)
        content = b"" if kind == 0 else np.packbits(both).tobytes()
        pixels = content.hex() or f"plain {perceptual % 3}"
        prints.append(Print(f"class {int(kind == 9)}", pixels, content))
    found = find(prints)
    alike, doubtful = slow(prints)
    assert {frozenset(group) for group in found.alike} == alike
    assert {one for group in found.contradictory for one in group} == doubtful
    assert all(list(group) == sorted(group) for group in (*found.alike, *found.contradictory))


def test_a_wall_filmed_for_an_hour_is_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly every pair is alike; the pairs are thinned without losing a member or a doubt."""
    monkeypatch.setattr(duplicates, "_FEW_PAIRS", 100)
    rng = np.random.default_rng(0)
    frames = np.repeat(rng.integers(0, 256, (1, 128), np.uint8), 700, axis=0)
    frames[:, 0] = rng.integers(0, 256, 700)
    prints = [Print("wall", str(index), frame.tobytes()) for index, frame in enumerate(frames)]
    assert find(prints).alike == (tuple(range(700)),)
    prints[350] = Print("door", "350", prints[350].likeness)
    assert find(prints).contradictory == (tuple(range(700)),)


def changed(picture: Image.Image) -> dict[str, Image.Image]:
    """What happens to photos on their way into a dataset."""
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=30)
    width, height = picture.size
    return {
        "saved again at quality 30": Image.open(packed),
        "half the size": picture.resize((width // 2, height // 2)),
        "a third brighter": ImageEnhance.Brightness(picture).enhance(1.3),
        "darker": ImageEnhance.Brightness(picture).enhance(0.7),
        "a little grey": ImageEnhance.Color(picture).enhance(0.3),
        "mirrored": ImageOps.mirror(picture),
        "cut by 2 %": picture.crop((2, 2, width - 3, height - 2)),
    }


def test_changed_copies_are_alike_and_other_pictures_are_not(sample: Path) -> None:
    prints, wanted = [], []
    for path in sorted(sample.rglob("*.jpg")):
        with Image.open(path) as image:
            image.load()
        start = len(prints)
        for name, picture in {"": image, **changed(image)}.items():
            prints.append(Print(path.parent.name, f"{path} {name}", likeness(picture)))
        wanted.append(tuple(range(start, len(prints))))
    assert find(prints) == duplicates.Duplicates(alike=tuple(wanted), contradictory=())


def test_pictures_without_structure_are_alike_only_when_equal() -> None:
    assert likeness(Image.new("RGB", (40, 30), "red")) == b""
    assert likeness(Image.new("RGB", (40, 30), "white")) == b""


def test_real_pairs(trashnet: Path) -> None:
    """One page in other light is alike; a bottle from above and a can on one table are not."""

    def alike(one: str, other: str) -> bool:
        prints = []
        for name in (one, other):
            with Image.open(trashnet / f"{name}.jpg") as image:
                prints.append(likeness(image))
        return are_alike(prints[0], prints[1])

    for one, other in (("paper/paper152", "paper/paper392"), ("metal/metal50", "metal/metal120")):
        assert alike(one, other)
    for one, other in (
        ("glass/glass281", "metal/metal272"),
        ("plastic/plastic178", "trash/trash128"),
        ("cardboard/cardboard83", "paper/paper317"),
    ):
        assert not alike(one, other)


def test_time_grows_gently(record_property: Callable[[str, object], None]) -> None:
    """5,000 photos are 12.5 million pairs; 100,000 are 400 times as many."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 256, (5000, 128), np.uint8)
    prints = [Print("any", str(index), row.tobytes()) for index, row in enumerate(rows)]
    started = time.process_time()
    assert find(prints).alike == ()
    seconds = time.process_time() - started
    record_property("shown", f"duplicates: 5,000 photos compared in {seconds:.2f} s of processor")
    assert seconds < 5
