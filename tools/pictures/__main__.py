# SPDX-License-Identifier: Apache-2.0
"""``python -m tools.pictures [FILE...]``: draw the stale pictures, or those named."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from contracts.command_line import run_command
from tools.pictures.browser_pictures import draw as draw_pages
from tools.pictures.catalogue import FOLDER, PICTURES, ROOT, Picture, record, recorded
from tools.pictures.chromium import program
from tools.pictures.dashboard import TEMPLATE
from tools.pictures.dashboard import draw as draw_dashboard
from tools.pictures.fleet import draw as draw_fleet
from tools.pictures.terminal import CommandError, draw_rehearsal, draw_review

_FLEET = "fleet-page.png"
_PAGES = frozenset({"camera-page.png", "data-report.png", "evaluation-report.png"})


def main() -> int:
    """Draw, and record the digest of the sources. The exit status is 1 if a picture failed."""
    by_name = {picture.file: picture for picture in PICTURES}
    parser = argparse.ArgumentParser(prog="pictures", description=__doc__)
    parser.add_argument("file", nargs="*", help=f"one of {', '.join(by_name)}; default: the stale")
    named = parser.parse_args().file
    if unknown := [name for name in named if name not in by_name]:
        parser.error(f"{', '.join(unknown)}: allowed: {', '.join(by_name)}")
    stale = [picture.file for picture in PICTURES if _is_stale(picture)]
    wanted = frozenset(named or stale)
    if not wanted:
        print("every picture is current")
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        _draw(wanted, by_name)
    except (CommandError, OSError) as error:
        print(f"pictures: {error}", file=sys.stderr)
        return 1
    return 0


def _is_stale(picture: Picture) -> bool:
    return not picture.path.exists() or recorded().get(picture.file) != picture.digest()


def _draw(wanted: frozenset[str], by_name: Mapping[str, Picture]) -> None:
    drawers: dict[str, Callable[[], None]] = {
        "dashboard.svg": lambda: draw_dashboard(ROOT / TEMPLATE, FOLDER / "dashboard.svg"),
        "review.svg": lambda: draw_review(FOLDER / "review.svg", root=ROOT),
        "rehearsal.svg": lambda: draw_rehearsal(FOLDER / "rehearsal.svg", root=ROOT),
    }
    for name, draw in drawers.items():
        if name in wanted:
            draw()
            _drawn([by_name[name]])
    if _FLEET in wanted:
        with tempfile.TemporaryDirectory() as folder:
            draw_fleet(FOLDER / _FLEET, folder=Path(folder), executable=_browser())
        _drawn([by_name[_FLEET]])
    if wanted & _PAGES:
        draw_pages(FOLDER, root=ROOT, executable=_browser())
        _drawn([by_name[name] for name in sorted(_PAGES)])


def _browser() -> str:
    found = program()
    if found is None:
        raise OSError("no Chromium on this machine; install it, or name it in BINSIGHT_CHROMIUM")
    return found


def _drawn(pictures: list[Picture]) -> None:
    record(recorded() | {picture.file: picture.digest() for picture in pictures})
    for picture in pictures:
        print(f"{picture.path.relative_to(ROOT)}: {picture.path.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.exit(run_command(main))
