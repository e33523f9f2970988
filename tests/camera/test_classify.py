# SPDX-License-Identifier: Apache-2.0
"""`camera.classify` over a folder tree of photos and of what is none."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from benchmarks.camera_setting import model_from
from camera.classify import classify, main
from camera.model.engine import Model
from contracts.bins import BinPolicy, read_policy
from contracts.cut import Box, CutRule
from tests.camera import tiny


def run(models, photos, out, *more):
    return main(
        ["--model", str(models["good"][0]), "--photos", str(photos), "--out", str(out), *more]
    )


def packed(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_each_photo_gets_a_line_and_what_is_none_is_counted(models, tmp_path, capsys):
    photos = tmp_path / "photos"
    (photos / "a/b").mkdir(parents=True)
    (photos / "a/b/glass é.jpg").write_bytes(tiny.photo("glass"))
    (photos / "a/paper.JPEG").write_bytes(tiny.photo("paper"))
    picture = Image.open(io.BytesIO(tiny.photo("trash")))
    (photos / "trash.png").write_bytes(packed(picture, "PNG"))
    (photos / "cmyk.jpg").write_bytes(packed(picture.convert("CMYK"), "JPEG"))
    (photos / "grey.jpg").write_bytes(packed(picture.convert("L"), "JPEG"))
    (photos / "notes.txt").write_text("no photo")
    (photos / "text.jpg").write_text("no photo either")
    (photos / "cut.jpg").write_bytes(tiny.photo("glass")[:3000])
    (photos / "empty.jpg").write_bytes(b"")
    policy = tmp_path / "city.toml"
    policy.write_text('[bins]\nunsure_below = 0.4\n[bins.classes]\npaper = "compost"\n')
    assert run(models, photos, tmp_path / "out.jsonl", "--bins", str(policy)) == 0
    assert "5 photos classified, 4 other files skipped" in capsys.readouterr().err
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    answers = {line["photo"]: line for line in lines}
    assert list(answers) == sorted(answers)
    assert {name: answers[name]["class"] for name in ("a/b/glass é.jpg", "trash.png")} == {
        "a/b/glass é.jpg": "glass",
        "trash.png": "trash",
    }
    assert answers["cmyk.jpg"]["class"] == "trash"
    assert answers["a/paper.JPEG"]["bin"] == "compost"
    assert set(lines[0]) == {*("photo", "class", "bin", "confidence", "bin_confidence", "region")}
    assert lines[0]["region"] is None
    assert all(0 <= line["confidence"] <= 1 for line in lines)


def test_a_turned_phone_photo_is_turned_back(models, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    stripes = np.zeros((120, 200, 3), dtype=np.uint8)
    stripes[:, :] = tiny.COLOURS["glass"]
    exif = Image.Exif()
    exif[0x0112] = 6
    (photos / "1.jpg").write_bytes(packed(Image.fromarray(stripes), "JPEG", exif=exif))
    assert run(models, photos, tmp_path / "out.jsonl") == 0
    assert json.loads((tmp_path / "out.jsonl").read_text())["class"] == "glass"


def test_what_is_missing_is_named(models, tmp_path, capsys):
    assert run(models, tmp_path / "missing", "-") == 1
    assert "missing: no such folder" in capsys.readouterr().err
    nothing = {"good": (tmp_path / "nothing.tar.gz", "")}
    assert run(nothing, tmp_path, "-") == 1
    assert "nothing.tar.gz" in capsys.readouterr().err


def test_an_environment_s_policy_is_read():
    assert read_policy("environments/dev.toml").bin_for("organic", 0.9) == "compost"
    with pytest.raises(ValueError, match=r"expected a table \[bins\]"):
        read_policy("pyproject.toml")


def fixed_camera(folder, labels):
    """Photos of one fixed camera, each with an item on a third of the width somewhere."""
    folder.mkdir()
    random = np.random.default_rng(4)
    for number, label in enumerate(labels):
        left, top = int(random.integers(0, 213)), int(random.integers(0, 160))
        box = Box(left, top, left + 107, top + 80)
        (folder / f"{number:02}-{label}.jpg").write_bytes(tiny.view({label: box}, seed=number))
    return folder


def test_the_item_is_found_by_the_view_that_photos_have_in_common(models, tmp_path, capsys):
    photos = fixed_camera(tmp_path / "photos", list(tiny.LABELS) * 6)
    archive = tiny.write_model(tmp_path / "cut", cut=CutRule())
    assert run({"good": archive}, photos, tmp_path / "out.jsonl") == 0
    assert "the view that the photos have in common" in capsys.readouterr().err
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["class"] for line in lines] == list(tiny.LABELS) * 6
    assert all(line["region"][2] - line["region"][0] < 200 for line in lines)
    assert run(models, photos, tmp_path / "whole.jsonl") == 0
    assert "looks at whole photos" in capsys.readouterr().err
    whole = [json.loads(line) for line in (tmp_path / "whole.jsonl").read_text().splitlines()]
    assert all(line["region"] is None for line in whole)
    surer = [line["confidence"] > old["confidence"] for line, old in zip(lines, whole, strict=True)]
    assert all(surer)


def test_a_photo_s_answer_is_the_mean_over_its_flips(tmp_path, monkeypatch):
    archive, _ = tiny.write_model(tmp_path / "flips", flips=True)
    model = model_from(archive, tmp_path)
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "one.jpg").write_bytes(tiny.photo("glass"))
    shown = []

    def infer(_model, rgb):
        shown.append(rgb)
        return np.array([0.2, 0.5, 0.3] if len(shown) == 1 else [0.6, 0.3, 0.1], np.float32)

    monkeypatch.setattr(Model, "infer", infer)
    [line] = classify(photos, model=model, bins=BinPolicy({}))
    assert len(shown) == len({rgb.tobytes() for rgb in shown}) == 4
    for (down, across), rgb in zip(((1, 1), (-1, -1), (1, -1), (-1, 1)), shown, strict=True):
        assert np.array_equal(rgb, shown[0][::down, ::across])
    assert (line["class"], line["confidence"]) == ("glass", 0.5)


def test_the_empty_view_may_be_given(tmp_path, capsys):
    photos = fixed_camera(tmp_path / "photos", ["glass", "paper"])
    (photos / "large.jpg").write_bytes(tiny.photo("trash", width=640, height=480))
    empty = tmp_path / "empty.png"
    Image.open(io.BytesIO(tiny.view({}))).save(empty)
    archive = tiny.write_model(tmp_path / "cut", cut=CutRule())
    assert run({"good": archive}, photos, tmp_path / "out", "--empty", str(empty)) == 0
    told = capsys.readouterr().err
    assert "differs from empty.png" in told
    assert "large.jpg: its size differs from the empty view, so the whole photo is used" in told
    lines = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [line["class"] for line in lines] == ["glass", "paper", "trash"]
    assert [line["region"] is None for line in lines] == [False, False, True]
    assert run({"good": archive}, photos, tmp_path / "out", "--empty", str(archive[0])) == 1
    assert "--empty" in capsys.readouterr().err
