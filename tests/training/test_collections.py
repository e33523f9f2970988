# SPDX-License-Identifier: Apache-2.0
"""Collections as tools export them: parts, splits inside classes, labels elsewhere."""

import json
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.dataset import check_dataset
from training.dataset.listing import DatasetError
from training.dataset.opening import opened
from training.dataset.sources import given_splits, list_sources
from training.prepare import prepare


def fill(folder: Path, count: int = 3) -> None:
    """Photos that look different from each other, whatever folder they are in."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        random = np.random.default_rng(zlib.crc32(f"{folder}/{number}".encode()))
        picture = Image.fromarray(random.integers(0, 256, (9, 12, 3), np.uint8))
        picture.resize((48, 36)).save(folder / f"{number}.jpg")


def made(root: Path, *folders: str) -> Path:
    for name in folders:
        fill(root / name)
    return root


def both_refuse(root: Path, words: str) -> None:
    """The commands that upload and rehearse, and prepare, say the same."""
    with pytest.raises(DatasetError, match=words) as one, opened(root) as found:
        check_dataset(found.folder, called=found.called)
    with pytest.raises(DatasetError, match=words) as two, opened(root) as found:
        list_sources(found.folder, called=found.called)
    assert str(one.value) == str(two.value)


PARTS = [
    ("batch_1", "batch_2"),
    ("2022", "2023"),
    ("fold 0", "fold 1"),
    ("camera1", "camera2"),
    ("raw", "Augmented"),
    ("photos-2023-05", "photos-2023-06"),
]


@pytest.mark.parametrize("parts", PARTS)
def test_parts_of_a_collection_are_no_classes(tmp_path: Path, parts: tuple[str, str]) -> None:
    made(tmp_path, *(f"{part}/{name}" for part in parts for name in ("glass", "paper")))
    both_refuse(tmp_path, r"each have the folders glass, paper: are these the classes\?")


@pytest.mark.parametrize(
    "folders",
    [
        ("glass/clean", "glass/dirty", "paper/clean", "paper/dirty"),
        ("glass/images", "paper/images"),
        ("class1/green", "class1/brown", "class2/tins"),
        ("1", "2"),
    ],
)
def test_folders_inside_classes_are_photos_of_the_class(
    tmp_path: Path, folders: tuple[str, ...]
) -> None:
    made(tmp_path, *folders)
    with opened(tmp_path) as found:
        assert sum(check_dataset(found.folder).classes.values()) == 3 * len(folders)


def test_a_split_inside_the_class_folders_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = made(
        tmp_path / "set", *(f"{c}/{s}" for c in ("glass", "paper") for s in ("train", "Test"))
    )
    with opened(root) as found:
        splits = given_splits(found.folder)
        assert Counter(splits.values()) == {"train": 6, "test": 6}
        assert splits["glass/Test/0.jpg"] == "test"
        assert "split is kept (Test as test, train as train)" in found.notes[0]
        assert "no validation photos given" in found.notes[1]
    prepare(root, tmp_path / "out", minimum_photos=3, seed=1)
    assert "class=glass train=2 validation=1 test=3" in capsys.readouterr().out


def test_a_class_without_photos_to_train_on_is_refused_at_once(tmp_path: Path) -> None:
    made(tmp_path, "train/glass", "train/paper", "test/unknown", "val/glass")
    with pytest.raises(DatasetError, match=r"no photos to train on for unknown, which only"):
        opened(tmp_path).__enter__()


@pytest.mark.parametrize(
    ("photos", "table", "words"),
    [
        ("upload", "result.json", r"photos \(upload\) with their labels in a table \(result\.json"),
        ("images", "annotations.xml", r"labels in a table \(annotations\.xml\)"),
        ("images", "image_class_labels.txt", r"labels in a table \(image_class_labels\.txt\)"),
        ("train", "train/_classes.csv", r"labels in a table that is not read \(train/_classes"),
        ("train", "train/_annotations.coco.json", r"not read \(train/_annotations\.coco\.json\)"),
        (
            "a/b/glass",
            "a/b/paper/0.jpg",
            r"lie some folders further down: pass \S+a/b",
        ),
    ],
)
def test_it_is_said_where_labels_or_classes_are(
    tmp_path: Path, photos: str, table: str, words: str
) -> None:
    made(tmp_path, photos)
    (tmp_path / table).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / table).write_text(json.dumps([]))
    both_refuse(tmp_path, words)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["train.tfrecord-00000-of-00002"], "TensorFlow records"),
        (["a.zip", "b.zip"], r"a folder with 2 zips \(a\.zip, \.\.\.\); unpack them"),
        (["train-images.gz", "data.dvc"], r"2 files \(\.dvc, \.gz\) and no photo"),
    ],
)
def test_a_folder_of_files_is_described(tmp_path: Path, names: list[str], words: str) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    both_refuse(tmp_path, words)


def test_a_part_of_a_split_zip_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x07\x08PK\x03\x04" + b"x" * 99)
    with pytest.raises(DatasetError, match=r"a part of a zip that was split; join"):
        opened(tmp_path / "a.zip").__enter__()


def test_photos_beside_the_class_folders_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = made(tmp_path / "set", ".", "glass", "paper")
    assert "3 in no class folder (0.jpg, 1.jpg, 2.jpg)" in check_dataset(root).left_out
    prepare(root, tmp_path / "out", minimum_photos=3, seed=1)
    assert "left out 3 photos in no class folder, as 0.jpg" in capsys.readouterr().out


def test_a_link_to_a_folder_is_named_as_one(tmp_path: Path) -> None:
    root = made(tmp_path, "glass", "paper")
    (root / "glass" / "loop").symlink_to("..")
    both = r"glass/loop: a link to a folder, which is not followed"
    with pytest.raises(DatasetError, match=both):
        check_dataset(root)
