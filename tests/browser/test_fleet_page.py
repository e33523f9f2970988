# SPDX-License-Identifier: Apache-2.0
"""The fleet's page in a real browser: 2,000 cameras, a phone, a keyboard, a screen reader."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.bins import BinPolicy, bins_of
from tests.insights.test_fleet import CAMERAS, fleet
from tools.fleet_page import page
from tools.pictures.chromium import browser, program

__all__ = ["fleet"]

pytestmark = pytest.mark.skipif(program() is None, reason="no Chromium on this machine")

BINS = bins_of([("Restmüll", "#4a4f57"), ("Bio", "#6b4a1f"), ("Papier", "#1460be")])
SHOWN = "document.getElementById('shown').textContent"
VISIBLE = "[...document.querySelectorAll('#cameras tbody tr')].filter(r => r.offsetHeight).length"
TOUCHED = "['input', 'select'].map(n => document.querySelector(n).getBoundingClientRect().height)"


@pytest.fixture(scope="module")
def file(fleet, tmp_path_factory):
    """The page as `make fleet` writes it."""
    days = ("2026-11-26", "2026-11-27")
    items = [{"date": day, "bin": each.name, "items": "70211"} for day in days for each in BINS]
    policy = BinPolicy({}, default="Restmüll", bins=BINS)
    path = tmp_path_factory.mktemp("fleet") / "fleet.html"
    path.write_text(page(replace(fleet, items=items, bins=policy)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tab():
    with browser(str(program())) as opened:
        yield opened


def show(tab, file, width, height):
    tab.open(file.as_uri(), width=width, height=height, mobile=width < 500)
    tab.wait_for(f"{SHOWN}.includes('of {CAMERAS} cameras')", seconds=60)


def screenshot(tab, name, tmp_path, width, height):
    """Kept where BINSIGHT_SCREENSHOTS says, for a person to look at."""
    folder = Path(os.environ.get("BINSIGHT_SCREENSHOTS", tmp_path))
    assert tab.screenshot(folder / name, size=(width, height)).startswith(b"\x89PNG")


def test_it_fits_a_phone_and_asks_nobody(tab, file, tmp_path):
    assert len(file.read_bytes()) < 1_000_000
    for name, width, height in (("fleet-phone.png", 360, 740), ("fleet-wide.png", 1280, 900)):
        show(tab, file, width, height)
        assert tab.value("document.documentElement.scrollWidth") <= width
        assert min(tab.value(TOUCHED)) >= 44
        assert tab.value("performance.getEntriesByType('resource').length") == 0
        screenshot(tab, name, tmp_path, width, 2 * height)
    colour = "getComputedStyle(document.querySelector('.bin')).backgroundColor"
    assert tab.value(colour) == "rgb(74, 79, 87)"
    assert tab.failures == []


def test_cameras_are_found_by_keyboard(tab, file):
    show(tab, file, 800, 700)
    # Sites, bins and confidence scroll by keyboard too; then comes the search.
    for _ in range(4):
        tab.press("Tab")
        outline = "parseFloat(getComputedStyle(document.activeElement).outlineWidth)"
        assert tab.value(outline) >= 1
    assert tab.value("document.activeElement.id") == "name"
    for key in "0002":
        tab.press(key)
    assert tab.wait_for(f"{SHOWN} === '1 of {CAMERAS} cameras' && {VISIBLE}") == 1
    tab.value("document.getElementById('name').value = ''")
    tab.press("Tab")
    assert tab.value("document.activeElement.id") == "state"
    tab.press("s")  # silent
    assert tab.wait_for(f"{SHOWN} === '21 of {CAMERAS} cameras' && {VISIBLE}") == 21


def test_a_screen_reader_finds_names(tab, file):
    show(tab, file, 800, 700)
    found = {(role, name) for role, name in tab.accessibility()}
    assert {("searchbox", "Search"), ("region", "Cameras"), ("region", "Items by bin")} <= found
    assert {("columnheader", "drift"), ("rowheader", "Restmüll")} <= found
    assert any(role == "combobox" and name == "State" for role, name in found)
    assert any(role == "status" for role, _ in found)
