# SPDX-License-Identifier: Apache-2.0
"""A person labels by keyboard in a real browser."""

import os
import time
from pathlib import Path

import pytest

from tools.label.server import LabelServer
from tools.pictures.chromium import browser, program

pytestmark = pytest.mark.skipif(program() is None, reason="no Chromium on this machine")

SHOWN = """(() => {
  const photo = document.getElementById('photo');
  return photo.complete && photo.naturalWidth > 0 && photo.dataset.key;
})()"""
COUNT = 10


def screenshot(page, name, tmp_path):
    """Kept where BINSIGHT_SCREENSHOTS says, for a person to look at."""
    folder = Path(os.environ.get("BINSIGHT_SCREENSHOTS", tmp_path))
    page.screenshot(folder / name)


def test_ten_photos_by_keyboard_and_a_manifest(place, tmp_path, record_property):
    place.put_dataset({"glass": 12, "paper": 12})
    keys = [place.capture(number) for number in range(1, COUNT + 3)]
    with LabelServer(place.desk(), environment="dev") as server, browser(str(program())) as page:
        page.open(server.url, width=1280, height=800)
        page.wait_for(SHOWN)
        screenshot(page, "label.png", tmp_path)
        names = page.accessibility()
        assert ("button", "1 glass") in names or ("button", "1glass") in names
        began = time.monotonic()
        for number, key in enumerate(keys[:COUNT]):
            page.wait_for(f"{SHOWN} === '{key}'")
            page.press(" " if number in (2, 5) else "12"[number % 2])
        page.wait_for(f"{SHOWN} === '{keys[COUNT]}'")
        rate = COUNT / (time.monotonic() - began) * 60
        record_property("shown", f"labels per minute by keyboard: {rate:.0f}")
        assert rate > 20
        page.press("x")
        page.wait_for(f"{SHOWN} === '{keys[COUNT + 1]}'")
        page.press("u")
        page.wait_for(f"{SHOWN} === '{keys[COUNT]}'")
        page.press("d")
        page.wait_for(f"{SHOWN} === '{keys[COUNT + 1]}'")
        page.press("f")
        page.wait_for("document.getElementById('ask').open")
        screenshot(page, "label-finish.png", tmp_path)
        assert len(place.manifest()) == 25
        assert "10 new photos" in page.value("document.getElementById('plan').textContent")
        page.press("y")
        page.wait_for("document.getElementById('none').textContent.includes('is written')")
        assert server.finished.wait(5)
        assert page.failures == []
    assert len(place.manifest()) == 35
    assert place.in_captures() == [keys[COUNT + 1]]
    # A phone: nothing is wider than the screen.
    with LabelServer(place.desk(), environment="dev") as server, browser(str(program())) as page:
        page.open(server.url, width=390, height=844, mobile=True)
        page.wait_for(SHOWN)
        assert page.value("document.documentElement.scrollWidth") <= 390
