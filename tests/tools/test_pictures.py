# SPDX-License-Identifier: Apache-2.0
"""The pictures of README and docs are not older than what they show."""

import json
import re
from xml.etree import ElementTree

import pytest
from PIL import Image

from tests.conftest import ROOT
from tools.pictures.catalogue import FOLDER, MOST_BYTES, PICTURES, Picture, recorded
from tools.pictures.dashboard import TEMPLATE, draw, widgets
from tools.pictures.terminal import still


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.file)
def test_a_picture_is_current_and_small(picture):
    assert picture.path.exists()
    assert picture.path.stat().st_size < MOST_BYTES
    assert recorded()[picture.file] == picture.digest(), (
        f"run: make pictures PICTURES={picture.file}"
    )
    if picture.file.endswith(".svg"):
        text = picture.path.read_text()
        ElementTree.fromstring(text)  # noqa: S314 - our own file
        assert set(re.findall(r"https?://[^\"' )]+", text)) == {"http://www.w3.org/2000/svg"}
    else:
        with Image.open(picture.path) as opened:
            assert opened.width > 600


def test_every_file_in_the_folder_is_a_picture_that_some_page_shows():
    files = {path.name for path in FOLDER.iterdir()} - {"made-from.json"}
    assert files == {picture.file for picture in PICTURES}
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    text = "".join(page.read_text() for page in pages)
    assert all(f"pictures/{name})" in text for name in files)


def test_a_changed_source_makes_a_picture_stale(monkeypatch, tmp_path):
    monkeypatch.setattr("tools.pictures.catalogue.ROOT", tmp_path)
    picture = Picture(file="x.svg", sources=("*.html",), material=lambda: "text")
    with pytest.raises(ValueError, match="matches no file"):
        picture.digest()
    page = tmp_path / "page.html"
    page.write_text("one")
    before = picture.digest()
    page.rename(tmp_path / "moved.html")
    assert picture.digest() == before
    (tmp_path / "moved.html").write_text("two")
    assert picture.digest() != before


def test_the_dashboard_shows_every_widget_of_the_template(tmp_path):
    draw(ROOT / TEMPLATE, tmp_path / "dashboard.svg")
    text = (tmp_path / "dashboard.svg").read_text()
    found = widgets(ROOT / TEMPLATE)
    assert len(found) > 5
    assert text.count('class="title"') == len(found)
    assert any(widget["lines"] for widget in found)


def test_a_still_keeps_text_and_colours(tmp_path):
    still("\x1b[31mred\x1b[0m & <plain>", tmp_path / "still.svg", command="make x")
    root = ElementTree.parse(tmp_path / "still.svg").getroot()  # noqa: S314 - our own file
    shown = "".join(root.itertext()).replace("\xa0", " ")
    assert "red & <plain>" in shown
    assert "$ make x" in shown


def test_the_record_is_sorted_and_of_known_pictures():
    text = (FOLDER / "made-from.json").read_text()
    assert text == json.dumps(dict(sorted(recorded().items())), indent=2) + "\n"
    assert set(recorded()) == {picture.file for picture in PICTURES}
