# SPDX-License-Identifier: Apache-2.0
"""The split keeps together what belongs together, for any dataset."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from training.photos import Photo, natural
from training.split import SPLITS, divide


def photos(name: str, digests: list[int]) -> list[Photo]:
    return [
        Photo(f"{name}/{name}{index}.jpg", name, f"{name}-{digest}", Path("unused"))
        for index, digest in enumerate(digests)
    ]


def test_natural_order_counts() -> None:
    names = ["glass10.jpg", "glass9.jpg", "Glass1.jpg", "glass100.jpg", "glass.jpg", "7.jpg"]
    ordered = sorted(names, key=natural)
    assert ordered.index("glass9.jpg") < ordered.index("glass10.jpg")
    assert ordered.index("glass10.jpg") < ordered.index("glass100.jpg")


def test_runs_of_ten_neighbours_stay_together() -> None:
    parts = divide(photos("glass", list(range(400))), seed=0, minimum_photos=10)
    where = {photo.path: split for split in SPLITS for photo in parts[split]["glass"]}
    for start in range(0, 400, 10):
        assert len({where[f"glass/glass{index}.jpg"] for index in range(start, start + 10)}) == 1
    assert [len(parts[split]["glass"]) for split in SPLITS] == [280, 60, 60]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 60), min_size=5, max_size=120), min_size=1, max_size=4),
    st.integers(0, 3),
)
def test_any_dataset_is_divided_whole(classes: list[list[int]], seed: int) -> None:
    """No photo is lost or used twice, copies stay together, no split of a class is empty."""
    given_photos = [
        photo
        for index, digests in enumerate(classes)
        for photo in photos(f"c{index}", [*digests, 100, 101, 102, 103])
    ]
    parts = divide(given_photos, seed=seed, minimum_photos=4)
    placed = [photo.path for split in SPLITS for row in parts[split].values() for photo in row]
    assert sorted(placed) == sorted(photo.path for photo in given_photos)
    splits_of_digest: dict[str, set[str]] = {}
    for split in SPLITS:
        assert len(parts[split]) == len(classes)
        for row in parts[split].values():
            assert row
            for photo in row:
                splits_of_digest.setdefault(photo.digest, set()).add(split)
    assert all(len(splits) == 1 for splits in splits_of_digest.values())
