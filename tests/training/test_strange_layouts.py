# SPDX-License-Identifier: Apache-2.0
"""Layouts of public collections: each is read as its maker meant it, or refused with a sentence."""

from pathlib import Path

import pytest

from tests.training.test_opening import fill, read
from training.dataset.listing import DatasetError


def lay(root: Path, *folders: str) -> Path:
    """Two photos in each of these folders."""
    for folder in folders:
        fill(root / folder, 2)
    return root


@pytest.mark.parametrize(
    "names", [("0", "1"), ("n01440764", "n02102040"), ("class1", "class2"), ("batch_1", "raw")]
)
def test_a_split_is_kept_whatever_its_classes_are_called(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    """Imagenette, and whatever was numbered: names that could be those of batches."""
    lay(tmp_path, *(f"{split}/{name}" for split in ("train", "val", "test") for name in names))
    found, splits, _ = read(tmp_path)
    assert found == dict.fromkeys(names, 6)
    assert sorted(splits.values()) == ["test"] * 4 + ["train"] * 4 + ["validation"] * 4


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("trains", "valid", "tests"),
        ("entrenamiento", "validaci\u00f3n", "prueba"),
        ("Training", "Validierung", "Test"),
        ("treino", "valida\u00e7\u00e3o", "teste"),
    ],
)
def test_splits_in_other_words(tmp_path: Path, train: str, validation: str, test: str) -> None:
    lay(tmp_path, *(f"{split}/{name}" for split in (train, test) for name in ("glass", "paper")))
    assert sorted(read(tmp_path)[1].values()) == ["test"] * 4 + ["train"] * 4
    lay(tmp_path, f"{validation}/glass", f"{validation}/paper")
    assert "validation" in read(tmp_path)[1].values()


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (
            ("DATASET/TRAIN/O", "DATASET/TRAIN/R", "DATASET/TEST/O", "DATASET/TEST/R"),
            r"its split folders \(TEST, TRAIN\) lie one folder further down: pass .*/DATASET$",
        ),
        (
            ("set/set/train/glass", "set/set/train/paper"),
            r"its split folders \(train\) lie some folders further down: pass .*/set/set$",
        ),
        (
            ("images/cans/default", "images/cans/real_world", "images/cups/default"),
            r"its class folders \(cans, cups\) lie one folder further down: pass .*/images$",
        ),
        (
            ("train/glass", "train/paper", "valid/glass", "unsup"),
            r"train, valid look like splits .*, beside other folders \(unsup\)",
        ),
        (
            ("train/data", "train/sem_seg", "val/data", "val/sem_seg"),
            r"segmentation \(pictures and masks\)",
        ),
    ],
)
def test_a_layout_that_is_not_read_is_told_what_to_pass(
    tmp_path: Path, folders: tuple[str, ...], said: str
) -> None:
    with pytest.raises(DatasetError, match=said):
        read(lay(tmp_path, *folders))
    if "pass" in said:
        inner = said.rpartition(".*/")[2].rstrip("$")
        assert read(tmp_path / inner)[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"source-ref": "s3://b/0.jpg"}]', "expected a JSON object in each line, not one list"),
        ('{\n "source-ref": "s3://b/0.jpg"\n}', "line 1: not JSON: .*; each line is a JSON object"),
        (
            '{"source-ref": "s3://b/my photos/0.jpg", "a": 0, "a-metadata": {"class-name": "x"}}',
            r"aws s3 cp --recursive 's3://b/my photos' ",
        ),
    ],
)
def test_a_manifest_that_is_not_read_is_told_what_to_do(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "output.manifest").write_text(text)
    with pytest.raises(DatasetError, match=said):
        read(tmp_path)
