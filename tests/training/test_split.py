# SPDX-License-Identifier: Apache-2.0
"""The split keeps together what belongs together, for any dataset, as near to the shares as can."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.dataset.listing import SPLITS
from training.dataset.photos import Photo
from training.dataset.sources import natural
from training.dataset.split import Shares, divide
from training.sagemaker_job import StepError


def photos(name: str, count: int) -> list[Photo]:
    return [
        Photo(
            path=f"{name}/{name}{index}.jpg",
            class_name=name,
            digest=f"{name}-{index}",
            stored=Path("unused"),
            pixels=f"{name}-{index}",
            likeness=b"",
        )
        for index in range(count)
    ]


def test_natural_order_counts() -> None:
    names = ["glass10.jpg", "glass9.jpg", "Glass1.jpg", "glass100.jpg", "glass.jpg", "7.jpg"]
    ordered = sorted(names, key=natural)
    assert ordered.index("glass9.jpg") < ordered.index("glass10.jpg")
    assert ordered.index("glass10.jpg") < ordered.index("glass100.jpg")


def test_runs_of_ten_neighbours_stay_together() -> None:
    parts, told = divide(photos("glass", 400), seed=0, minimum_photos=10)
    where = {photo.path: split for split in SPLITS for photo in parts[split]["glass"]}
    for start in range(0, 400, 10):
        assert len({where[f"glass/glass{index}.jpg"] for index in range(start, start + 10)}) == 1
    assert [len(parts[split]["glass"]) for split in SPLITS] == [320, 30, 50]
    assert told == {"glass": {"groups": 40, "neighbours": 10}}


def test_alike_photos_join_their_neighbours_too() -> None:
    """The shot before a copy may show the same object as the shot after the original."""
    parts, told = divide(photos("glass", 400), seed=0, minimum_photos=10, alike=[(5, 205, 395)])
    where = {photo.path: split for split in SPLITS for photo in parts[split]["glass"]}
    runs = [*range(10), *range(200, 210), *range(390, 400)]
    assert len({where[f"glass/glass{index}.jpg"] for index in runs}) == 1
    assert told["glass"] == {"groups": 38, "neighbours": 10}


def test_many_strewn_copies_make_runs_shorter_instead_of_one_lump() -> None:
    shuffled = random.Random(1).sample(range(400), 240)  # noqa: S311 - not a secret
    alike = [shuffled[index : index + 2] for index in range(0, 240, 2)]
    parts, told = divide(photos("glass", 400), seed=0, minimum_photos=10, alike=alike)
    assert told["glass"]["neighbours"] < 10
    counts = [len(parts[split]["glass"]) for split in SPLITS]
    assert counts[1] >= 15
    assert counts[2] >= 25


@pytest.mark.parametrize(("count", "wanted"), [(10, [6, 2, 2]), (15, [9, 3, 3]), (5, [3, 1, 1])])
def test_small_classes_get_a_few_photos_into_each_split(count: int, wanted: list[int]) -> None:
    parts, _ = divide(photos("trash", count), seed=0, minimum_photos=3)
    assert [len(parts[split]["trash"]) for split in SPLITS] == wanted


def test_copies_do_not_make_a_class() -> None:
    with pytest.raises(StepError, match="class 'glass': 2 usable different photos; at least 3"):
        divide(photos("glass", 50), seed=0, minimum_photos=3, alike=[range(25), range(25, 50)])


@st.composite
def datasets(draw: st.DrawFn) -> tuple[list[int], list[Photo], list[list[int]]]:
    """Photos a class, the photos, and groups of photos that look alike."""
    counts = draw(st.lists(st.integers(8, 150), min_size=1, max_size=4))
    taken = [photo for index, count in enumerate(counts) for photo in photos(f"c{index}", count)]
    alike, start = [], 0
    for count in counts:
        # Four photos of each class stay unlike all others.
        marks = draw(st.lists(st.integers(0, 60), min_size=count - 4, max_size=count - 4))
        for mark in set(marks):
            alike.append([start + index for index, one in enumerate(marks) if one == mark])
        start += count
    return counts, taken, alike


@settings(max_examples=60, deadline=None)
@given(datasets(), st.sampled_from([Shares(), Shares(validation=0.2, test=0.3)]), st.integers(0, 3))
def test_any_dataset_is_divided_whole(dataset, chosen, seed):
    """No photo is lost or used twice, alike ones stay together, shares are kept about."""
    counts, taken, alike = dataset
    parts, _ = divide(taken, seed=seed, minimum_photos=4, shares=chosen, alike=alike)
    again, _ = divide(taken, seed=seed, minimum_photos=4, shares=chosen, alike=alike)
    assert parts == again
    placed = [photo.path for split in SPLITS for row in parts[split].values() for photo in row]
    assert sorted(placed) == sorted(photo.path for photo in taken)
    where = {
        photo.path: split for split in SPLITS for row in parts[split].values() for photo in row
    }
    for group in alike:
        assert len({where[taken[position].path] for position in group}) == 1
    for index, count in enumerate(counts):
        _check_shares(
            {split: parts[split][f"c{index}"] for split in SPLITS},
            None if any(len(group) > 3 for group in alike) else chosen.wanted(count),
            count,
        )


def _check_shares(rows, wanted, count):
    assert all(rows.values())
    assert all(row == sorted(row, key=lambda photo: natural(photo.path)) for row in rows.values())
    largest = 3 * max(1, min(10, count // 20))
    for split, share in (wanted or {}).items():
        assert abs(len(rows[split]) - share) <= 2 * largest, (split, share)


def test_shots_that_follow_within_seconds_stay_together() -> None:
    """Eleven shots of an item every minute; no run of ten holds them."""
    shots = [
        replace(photo, taken=60.0 * (index // 11) + index % 11)
        for index, photo in enumerate(photos("glass", 440))
    ]
    parts, _ = divide(shots, seed=0, minimum_photos=10)
    where = {photo.path: split for split in SPLITS for photo in parts[split]["glass"]}
    for start in range(0, 440, 11):
        assert len({where[photo.path] for photo in shots[start : start + 11]}) == 1


def test_a_photo_every_second_does_not_put_all_into_one_split() -> None:
    shots = [replace(photo, taken=float(index)) for index, photo in enumerate(photos("glass", 200))]
    parts, _ = divide(shots, seed=0, minimum_photos=10)
    assert all(len(parts[split]["glass"]) >= 10 for split in SPLITS)


def _where(parts):
    return {photo.path: split for split in SPLITS for row in parts[split].values() for photo in row}


def test_what_is_added_moves_nothing_and_is_divided_by_itself() -> None:
    before = [*photos("glass", 100), *photos("paper", 60)]
    kept = _where(divide(before, seed=0, minimum_photos=10)[0])
    after = [*photos("glass", 150), *photos("paper", 60), *photos("metal", 40)]
    parts, told = divide(after, seed=0, minimum_photos=10, given=kept)
    where = _where(parts)
    assert {path: where[path] for path in kept} == kept
    new = Counter(split for path, split in where.items() if path not in kept and "glass" in path)
    assert new == told["glass"]["new"] == {"train": 40, "validation": 4, "test": 6}
    assert "new" not in told["paper"]
    # A class of its own is divided as ever.
    assert Counter(where[f"metal/metal{index}.jpg"] for index in range(40)).keys() == set(SPLITS)
    ordered = [natural(photo.path) for photo in parts["test"]["glass"]]
    assert ordered == sorted(ordered)


def test_a_new_photo_follows_the_old_one_that_shows_the_same() -> None:
    """By looks or by time; what a test photo shows is never learned from."""
    kept = _where(divide(photos("glass", 100), seed=0, minimum_photos=10)[0])
    of = {split: [path for path, one in kept.items() if one == split] for split in SPLITS}
    taken = [
        replace(photo, taken=1000.0 * index) for index, photo in enumerate(photos("glass", 106))
    ]
    number = {photo.path: index for index, photo in enumerate(taken)}
    taken[100] = replace(taken[100], taken=1000.0 * number[of["test"][0]] + 9)
    taken[101] = replace(taken[101], taken=1000.0 * number[of["train"][0]] - 9)
    alike = [
        (number[of["validation"][0]], 102),
        (number[of["train"][1]], 103),
        (number[of["train"][2]], number[of["test"][1]], 104),
    ]
    where = _where(divide(taken, seed=0, minimum_photos=10, alike=alike, given=kept)[0])
    followed = [where[f"glass/glass{index}.jpg"] for index in range(100, 106)]
    assert followed == ["test", "train", "validation", "train", "test", "train"]


def test_a_class_of_which_too_little_is_known_is_divided_anew() -> None:
    kept = {f"glass/glass{index}.jpg": "train" for index in range(2)}
    parts, _ = divide(photos("glass", 50), seed=0, minimum_photos=10, given=kept)
    assert all(parts[split]["glass"] for split in SPLITS)


@settings(max_examples=40, deadline=None)
@given(datasets(), st.integers(20, 90), st.integers(0, 2))
def test_any_dataset_may_grow_without_a_test_photo_being_learned_from(dataset, percent, seed):
    _, taken, alike = dataset
    chosen = [photo for index, photo in enumerate(taken) if index * 37 % 100 < percent]
    try:
        kept = _where(divide(chosen, seed=seed, minimum_photos=4)[0])
    except StepError:
        return  # too few of a class to begin with
    parts, _ = divide(taken, seed=seed, minimum_photos=4, alike=alike, given=kept)
    where = _where(parts)
    assert sorted(where) == sorted(photo.path for photo in taken)
    assert {path: where[path] for path in kept} == kept
    for group in alike:
        splits = {kept.get(taken[one].path) for one in group} - {None}
        for one in group:
            path = taken[one].path
            if path not in kept and "test" in splits:
                assert where[path] == "test"
