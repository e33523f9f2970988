# SPDX-License-Identifier: Apache-2.0
"""`camera.classify` over a folder tree of photos and of what is none."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from camera.classify import main
from contracts.bins import read_policy
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
    assert set(lines[0]) == {"photo", "class", "bin", "confidence"}
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
