# SPDX-License-Identifier: Apache-2.0
"""The page of `make fleet`, for an invented fleet: no account is needed to draw it."""

from pathlib import Path

from PIL import Image

from contracts.bins import BINS
from contracts.fleet import Camera
from tools.fleet_page import page
from tools.fleet_state import Fleet
from tools.pictures.chromium import browser

_WIDTH = 1180
_AT_MS = 1_795_800_000_000
_MINUTE_MS = 60_000
_MODELS = ("1.346503.18863", "1.346503.18863", "1.204411.90127")


def draw(path: Path, *, folder: Path, executable: str) -> None:
    """Write the picture to ``path``; the HTML goes into ``folder``."""
    html = folder / "fleet.html"
    html.write_text(page(_fleet()), encoding="utf-8")
    with browser(executable) as tab:
        tab.open(html.resolve().as_uri(), width=_WIDTH, height=900)
        bottom = tab.wait_for("document.querySelector('main').getBoundingClientRect().bottom")
        tab.screenshot(path, size=(_WIDTH, int(bottom) + 16))
    with Image.open(path) as picture:
        reduced = picture.convert("RGB").quantize(method=Image.Quantize.MAXCOVERAGE)
    reduced.save(path, optimize=True)


def _fleet() -> Fleet:
    cameras = [_camera(number) for number in range(1, 10)]
    today = {
        camera.thing: {"items": 40 + 17 * number, "unsure": 0.02 * (number % 5)}
        for number, camera in enumerate(cameras, start=1)
    }
    quality = [
        {"date": f"2026-11-{day}", "model": _MODELS[0], "items": 700 + day, "confidence": 0.93}
        for day in (24, 25, 26)
    ]
    return Fleet(
        environment="prod",
        at_ms=_AT_MS,
        cameras=cameras,
        today=today,
        quality=quality,
        items=[
            {"date": f"2026-11-{day}", "bin": name, "items": 90 + 7 * day + 40 * number}
            for day in (25, 26)
            for number, name in enumerate(BINS)
        ],
        spent_usd=31.4,
        budget_usd=100,
    )


def _camera(number: int) -> Camera:
    silent, problem = number == 8, number == 3
    return Camera(
        thing=f"binsight-prod-{number}",
        last_seen_ms=_AT_MS - (140 * _MINUTE_MS if silent else 20_000 + 1_000 * number),
        silent_since_ms=_AT_MS - 130 * _MINUTE_MS if silent else None,
        telemetry={
            "site": ("canteen", "station", "airport")[number % 3],
            "model": {"version": _MODELS[number % 3]},
            "program": "7.754931.342672",
            "drift": 0.3 + 0.1 * (number % 4),
        },
        problems=("no frame for 12 s: /dev/video0 does not answer",) if problem else (),
        broken=(),
        refused="",
        reached=not silent,
    )
