# SPDX-License-Identifier: Apache-2.0
"""Prepare: the same photos give the same bytes, each class in each split, nothing half done."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.prepared import split_of, stored
from tests.training.steps import files
from training import pages
from training.data import read_dataset
from training.dataset.split import Shares
from training.prepare import prepare
from training.sagemaker_job import StepError


@pytest.fixture
def plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without drawings, where they are not the point: half of the time."""
    monkeypatch.setattr(pages, "chart", lambda _draw, **_more: "")


def test_same_photos_same_bytes_anywhere(sample: Path, tmp_path: Path) -> None:
    # The name of a dataset's folder is in the report, the folder's place is not.
    elsewhere = shutil.copytree(sample, tmp_path / "elsewhere" / sample.name)
    prepare(sample, tmp_path / "one")
    prepare(Path(elsewhere), tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")
    prepare(sample, tmp_path / "three", seed=1)
    assert files(tmp_path / "one") != files(tmp_path / "three")


@pytest.mark.usefixtures("plainly")
def test_every_class_is_in_every_split_and_no_photo_in_two(sample: Path, tmp_path: Path) -> None:
    document = prepare(sample, tmp_path)
    assert document == json.loads((tmp_path / "dataset.json").read_text()) == read_dataset(tmp_path)
    assert document["classes"] == ["compost", "landfill", "recycling"]
    assert document["shares"] == {"train": 0.8, "validation": 0.08, "test": 0.12}
    taken = [path for paths in document["splits"].values() for path in paths]
    assert sorted(taken) == sorted(files(sample)) == sorted(document["digests"])
    for split, counts in document["counts"].items():
        for name, count in counts.items():
            assert count == len(list((tmp_path / split / name).iterdir())) >= 2, (split, name)
    assert document["counts"]["train"]["compost"] == 10
    assert {item.name for item in tmp_path.iterdir()} == {
        *("train", "validation", "test", "report", "dataset.json")
    }


@pytest.mark.usefixtures("plainly")
def test_shares_are_settings(sample: Path, tmp_path: Path) -> None:
    document = prepare(sample, tmp_path, shares=Shares(validation=0.3, test=0.4))
    assert [document["counts"][name]["compost"] for name in ("train", "validation", "test")] == [
        *(4, 4, 6)
    ]
    for wrong in ({"validation": 0.01}, {"test": 0.41}):
        name, value = next(iter(wrong.items()))
        with pytest.raises(StepError, match=rf"{name}-share = {value}; allowed: 0.02 to 0.4"):
            Shares(**wrong)


@pytest.mark.usefixtures("plainly")
def test_small_photos_are_kept_as_they_are(sample: Path, tmp_path: Path) -> None:
    prepare(sample, tmp_path)
    original = sample / "compost" / "compost003.jpg"
    assert stored(tmp_path, "compost003.jpg").read_bytes() == original.read_bytes()


@pytest.mark.usefixtures("plainly")
def test_copies_of_a_photo_stay_in_one_split(dataset: Path, tmp_path: Path) -> None:
    names = [f"compost/copy-{number}.jpg" for number in range(6)]
    for name in names:
        shutil.copy(dataset / "compost" / "compost004.jpg", dataset / name)
    together = ["compost/compost004.jpg", *names]
    for seed in range(2):
        document = prepare(dataset, tmp_path / str(seed), seed=seed)
        splits = {split_of(document, name) for name in together}
        assert len(splits) == 1
        assert document["duplicates"] == [
            {"class": "compost", "files": together, "same_pixels": True, "split": splits.pop()}
        ]


@pytest.mark.usefixtures("plainly")
def test_the_seed_systems_layout_works(sample: Path, tmp_path: Path) -> None:
    """Its data has a folder Recycling, its text calls it Recycle; a zip from a Mac has more."""
    for third in ("Recycling", "Recycle"):
        images = tmp_path / third / "images"
        for old, new in (("compost", "Compost"), ("landfill", "Landfill"), ("recycling", third)):
            shutil.copytree(sample / old, images / new)
        (images / "__MACOSX" / "Compost").mkdir(parents=True)
        (images / "__MACOSX" / "Compost" / "._compost001.jpg").write_bytes(b"a Mac's own")
        (images / "Landfill" / "Thumbs.db").write_bytes(b"Windows' own")
        (images / "manifest.json").write_text("[]")
        document = prepare(images, tmp_path / third / "out")
        assert document["classes"] == ["Compost", "Landfill", third]
        assert document["rejected"] == []


def break_few_photos(dataset: Path) -> None:
    for path in sorted((dataset / "landfill").iterdir())[3:]:
        path.unlink()


@pytest.mark.usefixtures("plainly")
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


@pytest.mark.usefixtures("plainly")
def test_a_run_killed_half_way_does_not_disturb_the_next(sample: Path, tmp_path: Path) -> None:
    prepare(sample, tmp_path / "whole")
    for name in ("checked/0000001.jpg", "report/index.html.part", "train/old/photo.jpg"):
        path = tmp_path / "out" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
    prepare(sample, tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "whole")


@pytest.mark.usefixtures("plainly")
def test_the_users_photos_are_never_cleared_away(dataset: Path, tmp_path: Path) -> None:
    """TrashNet's own folder is called train, as one of prepare's is."""
    own = dataset.rename(tmp_path / "train")
    before = files(own)
    for output in (tmp_path, own, own / "prepared"):
        with pytest.raises(StepError, match="one is inside the other"):
            prepare(own, output)
    for name in ("test", "report"):
        (tmp_path / f"elsewhere-{name}" / name).mkdir(parents=True)
        with pytest.raises(StepError, match="has folders that prepare did not write"):
            prepare(own, tmp_path / f"elsewhere-{name}")
    assert files(own) == before


@pytest.mark.usefixtures("plainly")
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
    # One page twice, twelve numbers apart.
    pairs = [entry["files"] for entry in document["duplicates"]]
    assert pairs == [["paper/paper136.jpg", "paper/paper148.jpg"]]
    for name in document["classes"]:
        counts = [document["counts"][split][name] for split in ("train", "validation", "test")]
        assert sum(counts) == 40
        assert min(counts) >= 3
        assert counts[0] == 32


def test_a_step_that_runs_as_a_script_hides_no_library() -> None:
    """Python puts a script's folder first, and training/packaging has the name of a library."""
    root = Path(__file__).parents[2]
    code = "import sys; sys.path.insert(0, 'training'); import training, packaging.version"
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, env=environment)
