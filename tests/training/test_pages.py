# SPDX-License-Identifier: Apache-2.0
"""Report pages: safe with any text, the same bytes each time, whole or not there."""

import base64
import errno
import io
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import numpy as np
import pytest
from PIL import Image

from training import pages
from training.pages import rendering


def opened(address: str) -> Image.Image:
    kind, _, content = address.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(content)))


class Elements(HTMLParser):
    """Every element of a page, with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of templates beside the real ones."""
    own = tmp_path / "templates"
    own.mkdir()
    real = rendering._TEMPLATES
    for path in real.iterdir():
        (own / path.name).symlink_to(path)
    monkeypatch.setattr(rendering, "_TEMPLATES", own)
    rendering._environment.cache_clear()
    yield own
    rendering._environment.cache_clear()


PAGE = """{% extends "base.html" %}{% import "parts.html" as parts %}
{% block contents %}{{ parts.contents([("all", "Everything")]) }}{% endblock %}
{% block content %}{% call parts.section("all", "Everything") %}
{{ parts.facts([("Photos", photos|thousands), ("Accuracy", 0.9153|percent)]) }}
{{ parts.table("Counts", ["Class", "Photos"], [[name, 3]], total=["All", 3]) }}
{{ parts.gallery([{"src": src, "alt": name, "text": name}], "Samples") }}
{{ parts.notice("Mind this", "warn") }}{{ parts.tag("passed", "good") }}{{ drawing }}
{% endcall %}{% endblock %}"""


def test_a_page_shows_any_text_and_loads_nothing(templates: Path) -> None:
    (templates / "page.html").write_text(PAGE)
    drawing = pages.chart(lambda axes: axes.plot([1, 2]) and None, alt="A line that rises")
    src = pages.thumbnail(np.full((4, 4, 3), 9, np.uint8))
    bad = "<script>alert('x')</script>\"'&"
    context = {"title": bad, "name": bad, "photos": 12345, "src": src, "drawing": drawing}
    html = pages.render("page.html", **context)
    assert html == pages.render("page.html", **context)
    elements = Elements(html).found
    names = [tag for tag, _ in elements]
    assert "script" not in names
    assert {"nav", "main", "section", "table", "caption", "figure", "svg", "dl"} <= set(names)
    addresses = [value for _, one in elements for key, value in one.items() if key in "src href"]
    assert all(value and value.startswith(("data:", "#")) for value in addresses)
    image = next(one for tag, one in elements if tag == "img")
    assert image["alt"] == bad
    assert "12\u202f345" in html
    assert "91.5\u202f%" in html
    assert '<td class="number">3</td>' in html


def test_a_missing_name_is_an_error(templates: Path) -> None:
    (templates / "page.html").write_text(PAGE)
    with pytest.raises(jinja2.UndefinedError, match="'drawing' is undefined"):
        pages.render("page.html", title="t", name="n", src="", photos=3)


def test_every_template_is_known_to_jinja() -> None:
    for path in sorted(rendering._TEMPLATES.iterdir()):
        rendering._environment().get_template(path.name)


def test_drawings_are_the_same_bytes_with_own_ids_and_page_colours() -> None:
    def draw(axes) -> None:
        axes.bar(["a & b", "c"], [1, 2], color=pages.SERIES[1])

    first, again = (pages.chart(draw, alt="Two bars") for _ in range(2))
    assert first == again
    other = pages.chart(draw, alt='Two bars, "again"')
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (first, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert set(re.findall(r"url\(#([^)]+)\)", first)) <= ids[0]
    assert "var(--series-2," in first
    assert "a &amp; b" in first
    assert 'aria-label="Two bars, &#34;again&#34;"' in other
    assert not re.search(r"<dc:date|20[0-9]{2}-[0-9]{2}-", first)
    with pytest.raises(ValueError, match="alt is empty"):
        pages.chart(draw, alt=" ")


def test_thumbnails_are_small_upright_and_whole(tmp_path: Path) -> None:
    picture = np.zeros((300, 600, 3), np.uint8)
    picture[:, :300] = (250, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    Image.fromarray(picture).save(tmp_path / "turned.jpg", exif=exif)
    shown = opened(pages.thumbnail(tmp_path / "turned.jpg", side=100))
    assert shown.size == (50, 100)
    assert np.asarray(shown)[10, 25, 0] > 200, "the left half of the file is the top"
    clear = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    assert np.asarray(opened(pages.thumbnail(tmp_path / "clear.png"))).min() > 250
    grey = opened(pages.thumbnail(np.full((20, 10), 128, np.uint8)))
    assert (grey.mode, grey.size) == ("RGB", (10, 20)), "small pictures are not enlarged"


def test_a_page_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report" / "index.html"
    pages.write(path, "<p>first</p>")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        pages.write(path, "<p>second</p>")
    assert path.read_text() == "<p>first</p>"
    assert [item.name for item in path.parent.iterdir()] == ["index.html"]


@pytest.mark.parametrize(
    ("count", "shown"),
    [(12, "12 B"), (1500, "1.5 kB"), (3_912_345, "3.91 MB"), (999_600, "1 MB"), (7e12, "7e+03 GB")],
)
def test_sizes_as_people_read_them(count: int, shown: str) -> None:
    assert rendering.size(count).replace("\u202f", " ") == shown
