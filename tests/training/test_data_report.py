# SPDX-License-Identifier: Apache-2.0
"""The data report shows what prepare found; a browser shows it on a phone without trouble."""

import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from tools.pictures.chromium import browser, program
from training.prepare import prepare


@pytest.fixture(scope="module")
def report(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a dataset with one of everything."""
    dataset = Path(shutil.copytree(sample, tmp_path_factory.mktemp("report") / "dataset"))
    for number in range(7):
        shutil.copy(dataset / "compost/compost004.jpg", dataset / f"compost/copy{number}.jpg")
    with Image.open(dataset / "landfill/landfill002.jpg") as image:
        image.resize((200, 150)).save(dataset / "landfill/again.png")
    shutil.copy(dataset / "compost/compost002.jpg", dataset / "landfill/also.jpg")
    (dataset / "landfill/<b>bold&.jpg").write_text("no picture")
    Image.new("RGB", (3, 3)).save(dataset / "landfill/dot.png")
    (dataset / "compost").rename(dataset / "compost & peel")
    prepare(dataset, dataset.parent / "out")
    return dataset.parent / "out/report/index.html"


class Text(HTMLParser):
    """What a page says, and its pictures' texts by section."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: dict[str, list[str]] = {"": []}
        self.pictures: dict[str, int] = {}
        self.where = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "section":
            self.where = given["id"] or ""
            self.said[self.where] = []
        if tag == "img":
            assert (given["src"] or "").startswith("data:image/jpeg;base64,")
            assert given["alt"]
            self.pictures[self.where] = self.pictures.get(self.where, 0) + 1

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.said[self.where].append(" ".join(data.split()))


def test_shows_what_was_found(report: Path) -> None:
    page = Text(report.read_text())
    assert page.said["summary"][1:11] == [
        *("Photos used", "49", "Classes", "3", "Left out", "4"),
        *("Groups of duplicates", "2", "Contradictory groups", "1"),
    ]
    row = page.said["classes"].index("compost & peel")
    assert [int(text) for text in page.said["classes"][row + 1 : row + 5]][-1] == 20
    assert page.pictures["samples"] == 7 + 8 + 8, "copies are not shown as samples"
    assert page.pictures["duplicates"] == 6 + 2, "a large group is shown in part"
    assert any("6 of 8 photos" in text for text in page.said["duplicates"])
    assert page.pictures["contradictions"] == 2
    assert "compost & peel or landfill?" in page.said["contradictions"]
    assert "landfill/<b>bold&.jpg" in page.said["rejected"], "shown as text, not as markup"
    assert "too small or too large: smallest side allowed: 16" in page.said["rejected"]


def test_a_clean_dataset_has_no_alarming_report(sample: Path, tmp_path: Path) -> None:
    prepare(sample, tmp_path)
    page = Text((tmp_path / "report/index.html").read_text())
    assert "No photo is in the dataset twice." in page.said["duplicates"]
    assert "No picture stands in two classes." in page.said["contradictions"]
    assert "Every file is used." in page.said["rejected"]
    assert "All photos have 256 x 192 pixels." in page.said["summary"]


@pytest.mark.skipif(program() is None, reason="no Chromium on this machine")
def test_in_a_browser_it_fits_a_phone_and_loads_nothing(report: Path) -> None:
    with browser(program() or "") as page:
        for width in (360, 1100):
            page.open(report.as_uri(), width=width, height=800, mobile=width < 500)
            page.wait_for("document.readyState == 'complete'")
            assert page.value("document.documentElement.scrollWidth") <= width
            asked = "performance.getEntriesByType('resource').map(one => one.name)"
            assert [name for name in page.value(asked) if not name.startswith("data:")] == []
        said = page.accessibility()
        assert page.failures == []
    images = [name for role, name in said if role in ("image", "img")]
    assert len(images) > 24
    assert all(images)
    assert any(name.startswith("Photos per class: ") for name in images)
    assert ("table", "Photos per class and split") in said
