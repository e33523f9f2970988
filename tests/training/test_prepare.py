# SPDX-License-Identifier: Apache-2.0
"""Prepare: the same photos give the same bytes; what cannot be used is named, never fatal."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.steps import files, run_step
from training.job import StepError
from training.prepare import prepare


@pytest.fixture
def dataset(sample: Path, tmp_path: Path) -> Path:
    """A copy of the sample that a test may spoil."""
    return Path(shutil.copytree(sample, tmp_path / "dataset"))


def stored(output: Path, source: str) -> Path:
    """The prepared file of one source photo."""
    found = list(output.glob(f"*/*/*-{Path(source).stem}.*"))
    assert len(found) == 1, (source, found)
    return found[0]


def split_of(document: dict, source: str) -> str:
    return next(name for name, paths in document["splits"].items() if source in paths)


def test_same_photos_same_bytes_anywhere(sample: Path, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(sample, tmp_path / "elsewhere")
    prepare(sample, tmp_path / "one")
    prepare(Path(elsewhere), tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")
    prepare(sample, tmp_path / "three", seed=1)
    assert files(tmp_path / "one") != files(tmp_path / "three")


def test_every_class_is_in_every_split_and_no_photo_in_two(sample: Path, tmp_path: Path) -> None:
    document = prepare(sample, tmp_path)
    assert document == json.loads((tmp_path / "dataset.json").read_text())
    assert document["classes"] == ["compost", "landfill", "recycling"]
    taken = [path for paths in document["splits"].values() for path in paths]
    assert sorted(taken) == sorted(files(sample))
    for split, counts in document["counts"].items():
        for name, count in counts.items():
            assert count == len(list((tmp_path / split / name).iterdir())) >= 2, (split, name)
    assert document["counts"]["train"]["compost"] == 10


def test_small_photos_are_kept_as_they_are(sample: Path, tmp_path: Path) -> None:
    prepare(sample, tmp_path)
    original = sample / "compost" / "compost003.jpg"
    assert stored(tmp_path, "compost003.jpg").read_bytes() == original.read_bytes()


def test_unusable_files_are_listed_with_the_reason(dataset: Path, tmp_path: Path) -> None:
    whole = (dataset / "compost" / "compost001.jpg").read_bytes()
    (dataset / "compost" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (dataset / "compost" / "words.jpg").write_text("not a picture at all")
    (dataset / "compost" / "empty.png").write_bytes(b"")
    (dataset / "landfill" / "notes.txt").write_text("a note")
    (dataset / "landfill" / ".DS_Store").write_bytes(b"a helper file of some system")
    Image.new("RGB", (1, 1)).save(dataset / "landfill" / "dot.png")
    document = prepare(dataset, tmp_path / "out")
    reasons = {item["file"]: item["reason"] for item in document["rejected"]}
    assert set(reasons) == {
        "compost/cut.jpg",
        "compost/empty.png",
        "compost/words.jpg",
        "landfill/dot.png",
        "landfill/notes.txt",
    }
    assert "cannot be decoded" in reasons["compost/cut.jpg"]
    assert "truncated" in reasons["compost/cut.jpg"]
    assert "cannot be decoded" in reasons["compost/words.jpg"]
    assert reasons["landfill/dot.png"] == "1 x 1 pixels; smallest side allowed: 16"
    assert reasons["landfill/notes.txt"] == "not a photo: .txt; use .jpg .jpeg .png"
    assert sum(len(paths) for paths in document["splits"].values()) == 42


def test_same_photo_under_two_classes_is_rejected_under_both(dataset: Path, tmp_path: Path) -> None:
    shutil.copy(dataset / "compost" / "compost002.jpg", dataset / "landfill" / "also.jpg")
    document = prepare(dataset, tmp_path / "out")
    reason = "contradictory labels: the same file is in compost, landfill"
    assert document["rejected"] == [
        {"file": "compost/compost002.jpg", "reason": reason},
        {"file": "landfill/also.jpg", "reason": reason},
    ]


def test_copies_of_a_photo_stay_in_one_split(dataset: Path, tmp_path: Path) -> None:
    names = [f"compost/copy-{number}.jpg" for number in range(6)]
    for name in names:
        shutil.copy(dataset / "compost" / "compost004.jpg", dataset / name)
    for seed in range(5):
        document = prepare(dataset, tmp_path / str(seed), seed=seed)
        splits = {split_of(document, name) for name in [*names, "compost/compost004.jpg"]}
        assert len(splits) == 1


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("cmyk.jpg", lambda path: Image.new("CMYK", (40, 30), (200, 30, 30, 0)).save(path)),
        ("grey16.png", lambda path: Image.new("I;16", (40, 30), 65535).save(path)),
        ("palette.png", lambda path: Image.new("P", (40, 30), 1).save(path)),
        ("clear.png", lambda path: Image.new("RGBA", (40, 30), (0, 0, 0, 0)).save(path)),
        ("grey.jpg", lambda path: Image.new("L", (40, 30), 200).save(path)),
    ],
)
def test_other_colour_modes_become_rgb(
    dataset: Path, tmp_path: Path, name: str, save: Callable[[Path], None]
) -> None:
    save(dataset / "compost" / name)
    prepare(dataset, tmp_path / "out")
    with Image.open(stored(tmp_path / "out", name)) as image:
        assert (image.mode, image.size) == ("RGB", (40, 30))
        middle = np.asarray(image)[15, 20]
    # White stays white: 16-bit grey is scaled, what is transparent shows a white ground.
    assert name not in ("grey16.png", "clear.png") or middle.min() == 255


def test_large_and_turned_photos_are_stored_small_and_upright(
    dataset: Path, tmp_path: Path
) -> None:
    picture = np.zeros((600, 1200, 3), np.uint8)
    picture[:, :600] = (250, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    Image.fromarray(picture).save(dataset / "compost" / "turned.jpg", exif=exif, quality=95)
    prepare(dataset, tmp_path / "out", longest_side=200)
    with Image.open(stored(tmp_path / "out", "turned.jpg")) as image:
        assert image.size == (100, 200)
        assert image.getexif().get(0x0112, 1) == 1
        pixels = np.asarray(image).astype(int)
    assert pixels[20, 50, 0] > 230, "the left half of the file is the top of the picture"
    assert pixels[180, 50, 0] < 20


def test_the_seed_systems_layout_works(sample: Path, tmp_path: Path) -> None:
    names = {"compost": "Compost", "landfill": "Landfill", "recycling": "Recycling"}
    for old, new in names.items():
        shutil.copytree(sample / old, tmp_path / "images" / new)
    (tmp_path / "images" / "__MACOSX").mkdir()
    (tmp_path / "images" / "manifest.json").write_text("[]")
    document = prepare(tmp_path / "images", tmp_path / "out")
    assert document["classes"] == ["Compost", "Landfill", "Recycling"]
    assert document["rejected"] == []


def break_nothing_there(dataset: Path) -> None:
    shutil.rmtree(dataset)


def break_no_folders(dataset: Path) -> None:
    for folder in list(dataset.iterdir()):
        shutil.rmtree(folder)


def break_one_class(dataset: Path) -> None:
    shutil.rmtree(dataset / "landfill")
    shutil.rmtree(dataset / "recycling")


def break_empty_class(dataset: Path) -> None:
    (dataset / "metal").mkdir()


def break_few_photos(dataset: Path) -> None:
    for path in sorted((dataset / "landfill").iterdir())[3:]:
        path.unlink()


def break_all_of_a_class(dataset: Path) -> None:
    for path in (dataset / "landfill").iterdir():
        path.write_bytes(b"nothing")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (break_nothing_there, "no such folder"),
        (break_no_folders, "no class folders; expected <class>/<photo>.jpg"),
        (break_one_class, "one class only (compost); two or more are needed"),
        (break_empty_class, "class folder 'metal' is empty"),
        (
            break_few_photos,
            "class 'landfill': 3 usable different photos; at least 10 are needed",
        ),
        (break_all_of_a_class, "class 'landfill': no usable photo is left after the checks"),
    ],
)
def test_bad_datasets_end_the_step_clearly(
    dataset: Path, tmp_path: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(dataset)
    with pytest.raises(StepError) as error:
        prepare(dataset, tmp_path / "out")
    assert message in str(error.value)
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_as_a_program_a_bad_dataset_is_one_line_and_status_1(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    missing = tmp_path / "nowhere"
    done = run_step(
        "training/prepare.py", "--dataset", str(missing), SAGEMAKER_BASE_DIR=str(tmp_path)
    )
    assert done.returncode == 1
    assert done.stderr == f"error: dataset {missing}: no such folder\n"
    # What SageMaker shows as the processing job's exit message.
    assert (tmp_path / "output" / "message").read_text() == f"dataset {missing}: no such folder"


def test_a_failed_run_leaves_nothing_and_the_next_one_works(
    sample: Path, dataset: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    prepare(dataset, output)
    break_few_photos(dataset)
    with pytest.raises(StepError):
        prepare(dataset, output)
    assert files(output) == {}
    prepare(sample, output)
    assert (output / "dataset.json").exists()


def test_a_run_killed_half_way_does_not_disturb_the_next(sample: Path, tmp_path: Path) -> None:
    prepare(sample, tmp_path / "whole")
    (tmp_path / "out" / "checked").mkdir(parents=True)
    (tmp_path / "out" / "checked" / "0000001.jpg").write_bytes(b"half")
    (tmp_path / "out" / "train" / "old").mkdir(parents=True)
    prepare(sample, tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_the_users_photos_are_never_cleared_away(dataset: Path, tmp_path: Path) -> None:
    """TrashNet's own folder is called train, as one of prepare's is."""
    own = dataset.rename(tmp_path / "train")
    before = files(own)
    for output in (tmp_path, own, own / "prepared"):
        with pytest.raises(StepError, match="one is inside the other"):
            prepare(own, output)
    (tmp_path / "elsewhere" / "test").mkdir(parents=True)
    with pytest.raises(StepError, match="has folders that prepare did not write"):
        prepare(own, tmp_path / "elsewhere")
    assert files(own) == before


def test_real_photos(trashnet: Path, tmp_path: Path) -> None:
    """A part of TrashNet: neighbouring numbers are often one object, and stay in one split."""
    subset = tmp_path / "subset"
    for folder in sorted(trashnet.iterdir()):
        (subset / folder.name).mkdir(parents=True)
        for path in sorted(folder.iterdir())[:40]:
            (subset / folder.name / path.name).symlink_to(path)
    document = prepare(subset, tmp_path / "out")
    assert document["classes"] == ["cardboard", "glass", "metal", "paper", "plastic", "trash"]
    assert document["rejected"] == []
    for name in document["classes"]:
        counts = [document["counts"][split][name] for split in ("train", "validation", "test")]
        assert counts == [28, 6, 6]
