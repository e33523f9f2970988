# SPDX-License-Identifier: Apache-2.0
"""Bad datasets, given to the real program: each defect is named, nothing half done is left."""

import json
import os
import shutil
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.training.prepared import stored
from tests.training.steps import files, run_step
from training import sagemaker_job
from training.prepare import main

Done = subprocess.CompletedProcess[str]
Program = Callable[..., tuple[int, str]]


def prepare(dataset: Path, output: Path, *options: str) -> Done:
    return run_step(
        *("-m", "training.prepare", "--dataset", str(dataset), "--output", str(output)), *options
    )


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Program]:
    """The program in this process, which spares an interpreter's start: status and errors."""
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}

    def run(dataset: Path, output: Path, *options: str) -> tuple[int, str]:
        given = ["prepare", "--dataset", str(dataset), "--output", str(output), *options]
        monkeypatch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as ended:
            sagemaker_job.run(main)
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().err

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


def test_unusable_files_are_skipped_counted_and_named(dataset: Path, tmp_path: Path) -> None:
    """Everything wrong with single files at once; all other photos are used."""
    compost, landfill = dataset / "compost", dataset / "landfill"
    whole = (compost / "compost001.jpg").read_bytes()
    (compost / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (compost / "empty.png").write_bytes(b"")
    (compost / "words.jpg").write_text("not a picture at all")
    (landfill / "notes.txt").write_text("a note")
    (landfill / ".DS_Store").write_bytes(b"a helper file of some system")
    Image.new("RGB", (1, 1)).save(landfill / "dot.png")
    Image.new("CMYK", (40, 30), (200, 30, 30, 0)).save(landfill / "cmyk.jpg")
    Image.new("I;16", (40, 30), 65535).save(landfill / "grey16.png")
    shutil.copy(compost / "compost002.jpg", landfill / "also.jpg")
    with Image.open(compost / "compost003.jpg") as image:
        image.resize((128, 96)).save(landfill / "smaller.jpg", quality=60)
    done = prepare(dataset, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "out" / "dataset.json").read_text())
    same = "contradictory labels: the same picture is in compost, landfill"
    near = "contradictory labels: nearly the same picture is in compost, landfill"
    reasons = {item["file"]: item["reason"] for item in document["rejected"]}
    assert reasons.pop("compost/cut.jpg").startswith("cannot be decoded: image file is truncated")
    assert reasons == {
        "compost/compost002.jpg": same,
        "compost/compost003.jpg": near,
        "compost/empty.png": "cannot be decoded: the file is empty",
        "compost/words.jpg": "cannot be decoded: it is neither JPEG nor PNG",
        "landfill/also.jpg": same,
        "landfill/dot.png": "1 x 1 pixels; smallest side allowed: 16",
        "landfill/notes.txt": "not a photo: .txt; use .jpg .jpeg .png",
        "landfill/smaller.jpg": near,
    }
    pairs = [["compost/compost002.jpg", "landfill/also.jpg"],
             ["compost/compost003.jpg", "landfill/smaller.jpg"]]  # fmt: skip
    assert [entry["files"] for entry in document["contradictions"]] == pairs
    assert "rejected=9 duplicates=0 contradictions=2" in done.stdout
    assert "rejected landfill/dot.png: 1 x 1 pixels; smallest side allowed: 16" in done.stdout
    assert "checked=51/51" in done.stdout
    assert sum(len(paths) for paths in document["splits"].values()) == 42
    for name in ("cmyk.jpg", "grey16.png"):
        with Image.open(stored(tmp_path / "out", name)) as image:
            assert (image.mode, image.size) == ("RGB", (40, 30))


def nothing_there(dataset: Path) -> None:
    shutil.rmtree(dataset)


def no_folders(dataset: Path) -> None:
    for folder in list(dataset.iterdir()):
        shutil.rmtree(folder)


def one_class(dataset: Path) -> None:
    shutil.rmtree(dataset / "landfill")
    shutil.rmtree(dataset / "recycling")


def empty_class(dataset: Path) -> None:
    (dataset / "metal").mkdir()


def two_photos(dataset: Path) -> None:
    for path in sorted((dataset / "landfill").iterdir())[2:]:
        path.unlink()


def two_photos_and_copies(dataset: Path) -> None:
    first, second, *rest = sorted((dataset / "landfill").iterdir())
    for number, path in enumerate(rest):
        shutil.copy((first, second)[number % 2], path)


def text_named_jpg(dataset: Path) -> None:
    for path in (dataset / "landfill").iterdir():
        path.write_text("not a picture at all")


def slash_like(dataset: Path) -> None:
    (dataset / "landfill").rename(dataset / "land:fill")


def ends_with_a_space(dataset: Path) -> None:
    (dataset / "landfill").rename(dataset / "landfill ")


def two_cases(dataset: Path) -> None:
    (dataset / "landfill").rename(dataset / "Compost")


def name_of_another_age(dataset: Path) -> None:
    (dataset / "landfill/landfill001.jpg").rename(dataset / "landfill" / os.fsdecode(b"\xe9.jpg"))


def overlong(dataset: Path) -> None:
    (dataset / "landfill").rename(dataset / ("x" * 65))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (nothing_there, "there is no such folder or file"),
        (no_folders, "no class folders"),
        (one_class, "one class only (compost); two or more are needed"),
        (empty_class, "class folder 'metal' has no photo"),
        (two_photos, "class 'landfill': 2 usable different photos; at least 10 are needed"),
        (
            two_photos_and_copies,
            "class 'landfill': 2 usable different photos; at least 10 are needed",
        ),
        (text_named_jpg, "class 'landfill': no usable photo is left after the checks"),
        (slash_like, "class folder 'land:fill': ':' is not allowed; allowed: letters, digits,"),
        (ends_with_a_space, "ends with neither a space nor a dot"),
        (two_cases, "class folders 'Compost' and 'compost' differ only in letter case"),
        (name_of_another_age, r"file name 'landfill/\udce9.jpg' is not UTF-8; rename it"),
        (overlong, "65 characters; allowed: at most 64"),
    ],
)
def test_bad_datasets_end_the_step_in_one_clear_line(
    dataset: Path, tmp_path: Path, here: Program, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(dataset)
    code, printed = here(dataset, tmp_path / "out")
    assert code == 1
    assert message in printed
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    assert files(tmp_path / "out") == {}


def test_text_named_jpg_ends_the_process_likewise(dataset: Path, tmp_path: Path) -> None:
    text_named_jpg(dataset)
    done = prepare(dataset, tmp_path / "out")
    message = "error: class 'landfill': no usable photo is left after the checks\n"
    assert (done.returncode, done.stderr) == (1, message)
    assert files(tmp_path / "out") == {}


def test_class_names_may_have_spaces_and_letters_of_any_script(
    dataset: Path, tmp_path: Path
) -> None:
    """A Mac takes é apart in file names; the label is the composed form, as people type it."""
    taken_apart = unicodedata.normalize("NFD", "Café cups & lids")
    (dataset / "landfill").rename(dataset / taken_apart)
    (dataset / "compost").rename(dataset / "生ごみ")
    done = prepare(dataset, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert document["classes"] == ["Café cups & lids", "recycling", "生ごみ"]
    assert document["counts"]["train"]["Café cups & lids"] == 10
    assert (tmp_path / "out" / "train" / "Café cups & lids").is_dir()
    assert "class=生ごみ train=10 validation=2 test=2" in done.stdout


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--validation-share=0.9", "validation-share = 0.9; allowed: 0.02 to 0.4"),
        ("--test-share=0", "test-share = 0.0; allowed: 0.02 to 0.4"),
        ("--minimum-photos=2", "minimum-photos = 2; allowed: 3 or more"),
        ("--longest-side=32", "longest-side = 32; allowed: 64 to 4096"),
        ("--like-bits=65", "like-bits = 65; allowed: 0 to 64"),
    ],
)
def test_settings_are_checked_before_any_photo_is_read(
    tmp_path: Path, here: Program, option: str, message: str
) -> None:
    assert here(tmp_path / "nowhere", tmp_path / "out", option) == (1, f"error: {message}\n")


def test_sagemaker_is_told_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    missing = tmp_path / "nowhere"
    done = run_step(
        "-m", "training.prepare", "--dataset", str(missing), SAGEMAKER_BASE_DIR=str(tmp_path)
    )
    assert done.stderr == f"error: dataset {missing}: there is no such folder or file\n"
    # What SageMaker shows as the processing job's exit message.
    assert (
        tmp_path / "output" / "message"
    ).read_text() == f"dataset {missing}: there is no such folder or file"
