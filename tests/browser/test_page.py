# SPDX-License-Identifier: Apache-2.0
"""The camera's page in a real browser: it moves, it updates, it fits a phone, it can be used."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from camera.page.access import Access
from camera.settings import Settings
from contracts.bins import BinPolicy
from contracts.topics import Topics
from tests.camera import tiny
from tests.camera.conftest import RecordingPublisher, models, running, show, wait_for
from tests.camera.test_program import install
from tools.pictures.chromium import browser, program

__all__ = ["models"]

pytestmark = pytest.mark.skipif(program() is None, reason="no Chromium on this machine")

# Draws the stream into a canvas and sums it: another number is another picture.
SUM = """(() => {
  const image = document.getElementById('stream'), canvas = document.createElement('canvas');
  if (!image.naturalWidth) return 0;
  canvas.width = 64; canvas.height = 36;
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0, 64, 36);
  return context.getImageData(0, 0, 64, 36).data.reduce((sum, value) => sum + value, 0);
})()"""


@pytest.fixture
def camera(tmp_path, models):
    """A camera that sees an item every second, and its page."""
    lens = tmp_path / "lens"
    lens.mkdir()
    settings = Settings(
        thing="a-camera-with-a-rather-long-name-01",
        topics=Topics("binsight"),
        source=f"dir:{lens}?follow=1&hold=12&gap=8&fps=20",
        model_folder=tmp_path / "models",
        bins=BinPolicy({"glass": "recycling", "paper": "compost"}),
        page=Access.from_settings("127.0.0.1:0"),
    )
    install(settings, *models["good"])
    for number in range(60):
        photo = tiny.photo(tiny.LABELS[number % 3], width=640, height=360, seed=number)
        show(lens, f"{number:03}.jpg", photo)
    publisher = RecordingPublisher()
    with running(replace(settings), publisher) as running_program:
        wait_for(lambda: running_program.page_url)
        wait_for(lambda: publisher.of("detections"))
        yield running_program


def screenshot(page, name, tmp_path):
    """Kept where BINSIGHT_SCREENSHOTS says, for a person to look at."""
    folder = Path(os.environ.get("BINSIGHT_SCREENSHOTS", tmp_path))
    assert page.screenshot(folder / name).startswith(b"\x89PNG")


def test_streams_move_numbers_update_and_it_fits_a_phone(camera, tmp_path):
    with browser(str(program())) as page:
        page.open(camera.page_url, width=1280, height=900)
        assert page.wait_for("document.getElementById('health').textContent") is not None
        page.wait_for("document.getElementById('health').className === 'good'")
        for stream in ("project", "device"):
            page.value(f"document.getElementById('{stream}').click()")
            first = page.wait_for(SUM)
            page.wait_for(f"(() => {{ const now = {SUM}; return now && now !== {first}; }})()")
        frames = "document.querySelector('#figures div:nth-child(4) dd').textContent"
        before = int(page.value(frames))
        page.wait_for(f"Number({frames}) > {before + 10}")
        page.wait_for("document.querySelectorAll('#list li').length >= 3")
        page.wait_for("document.querySelector('#list img').naturalWidth > 0")
        page.wait_for("document.getElementById('said').textContent")
        page.value("document.getElementById('project').click()")
        page.wait_for(SUM)
        screenshot(page, "wide.png", tmp_path)
        held = "document.getElementById('stream').src.startsWith('data:')"
        page.value("document.getElementById('hold').click()")
        page.wait_for(held)
        page.value("document.getElementById('hold').click()")
        page.wait_for(f"!({held})")

        page.open(camera.page_url, width=360, height=740, mobile=True)
        page.wait_for("document.querySelectorAll('#list li').length >= 3")
        page.wait_for(SUM)
        assert page.value("document.documentElement.scrollWidth") <= 360
        small = "[...document.querySelectorAll('button')].filter(b => b.offsetHeight < 44).length"
        assert page.value(small) == 0
        screenshot(page, "phone.png", tmp_path)
        assert page.failures == []


def test_the_threshold_and_drift_are_shown(camera):
    model = camera.loop.model
    card = replace(model.card, statistics={"red": {"mean": 240.0, "std": 3.0}})
    camera.loop.swap(replace(model, card=card))
    text = "document.getElementById('figures').textContent"
    with browser(str(program())) as page:
        page.open(camera.page_url, width=360, height=740, mobile=True)
        page.wait_for(f"{text}.includes('Bin unsure below0.7')")
        page.wait_for(f"{text}.includes('trash (sent to landfill)')")
        page.wait_for(f"/Unlike training.*red \\d+, in training 240 ± 3/.test({text})", seconds=120)
        assert page.value("document.documentElement.scrollWidth") <= 360


def test_it_can_be_used_with_the_keyboard_and_heard_by_a_screen_reader(camera):
    with browser(str(program())) as page:
        page.open(camera.page_url, width=800, height=700)
        page.wait_for("document.querySelectorAll('#list li').length >= 1")
        page.press("Tab")
        page.press("Tab")
        assert page.value("document.activeElement.id") == "device"
        outline = "parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
        assert page.value(outline) >= 2
        page.press("Enter")
        pressed = "document.getElementById('device').getAttribute('aria-pressed')"
        assert page.wait_for(pressed) == "true"
        found = page.accessibility()
        named = {name for role, name in found if role in {"button", "ToggleButton"}}
        assert {"Project stream", "Device stream", "Hold the picture"} <= named
        assert ("heading", camera._settings.thing) in found
        assert any(role == "image" and "camera delivers" in name for role, name in found)
        assert any(role == "status" for role, _ in found)


def test_a_camera_that_went_away_is_said(camera):
    with browser(str(program())) as page:
        page.open(camera.page_url, width=800, height=700)
        page.wait_for("document.getElementById('health').className === 'good'")
        camera.stop.set()
        page.wait_for("document.getElementById('health').textContent.includes('not answer')")


def test_the_page_asks_nobody_but_the_camera():
    page = (Path(__file__).parents[2] / "lambda/inference/camera/page/page.html").read_text()
    assert not re.findall(r"(?:src|href)=\"(?!data:)[^\"]+\"", page)
