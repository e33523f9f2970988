# SPDX-License-Identifier: Apache-2.0
"""Screenshots of the camera page and of the reports, after a small training on drawn photos."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from tools.pictures.chromium import Page, browser

_EPOCHS = 12
_WIDTH = 1180
_COLOURS = 96
_SHOWN = 18
"""Photos that the camera of the picture is shown."""


def draw(folder: Path, *, root: Path, executable: str) -> None:
    """Write camera-page.png, data-report.png and evaluation-report.png into ``folder``."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        photos, trained = work / "photos", work / "trained"
        _run(root, "rehearsal.samples.tray", str(photos))
        _run(
            root,
            "training.local",
            *("--dataset", str(photos), "--out", str(trained)),
            *("--bins", "environments/dev.toml", "--network", "compact"),
            *("--epochs", str(_EPOCHS)),
        )
        shots(folder, root=root, executable=executable, photos=photos, trained=trained)


def shots(folder: Path, *, root: Path, executable: str, photos: Path, trained: Path) -> None:
    """The same from a training that is there: ``photos`` drawn by rehearsal.samples.tray,
    ``trained`` what training.local left."""
    with browser(executable) as page, tempfile.TemporaryDirectory() as work:
        data = trained / "prepared" / "report" / "index.html"
        _report(page, data, folder / "data-report.png", sections=2)
        evaluation = trained / "report" / "index.html"
        _report(page, evaluation, folder / "evaluation-report.png", sections=1)
        lens = _lens(photos, Path(work) / "photos")
        with _camera(root, lens, trained / "model.tar.gz") as address:
            _camera_page(page, address, folder / "camera-page.png")


def _run(root: Path, module: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=root, check=True)


def _report(page: Page, report: Path, path: Path, *, sections: int) -> None:
    """The head of a report and its first sections."""
    page.open(report.resolve().as_uri(), width=_WIDTH, height=900)
    page.wait_for("document.readyState === 'complete'")
    page.screenshot(path, size=(_WIDTH, _bottom(page, f"section:nth-of-type({sections})")))
    _smaller(path)


def _bottom(page: Page, selector: str) -> int:
    """Where an element ends, in pixels from the top, with a margin."""
    box = f"document.querySelector('{selector}').getBoundingClientRect()"
    return int(page.wait_for(f"{box}.bottom + window.scrollY")) + 16


def _lens(photos: Path, lens: Path) -> Path:
    """Photos of one view in a mixed order, and that view empty."""
    lens.mkdir()
    classes = sorted(path for path in photos.iterdir() if not path.name.startswith("_"))
    found = [sorted(folder.glob("view0-*.jpg"))[:: max(1, len(classes))] for folder in classes]
    mixed = [photo for row in zip(*found, strict=False) for photo in row][:_SHOWN]
    for number, photo in enumerate(mixed):
        shutil.copy(photo, lens / f"{number:02}.jpg")
    empty = sorted((photos / "_background").glob("*.jpg"))[0]
    shutil.copy(empty, lens / "_empty.jpg")
    return lens


@contextmanager
def _camera(root: Path, lens: Path, model: Path) -> Iterator[str]:
    """The camera program, as ``make camera`` runs it; gives the address of its page."""
    # The page shows the source: a relative path is the same on every machine.
    arguments = [
        *("--source", f"dir:{lens.name}?hold=45&gap=12&fps=15", "--model", str(model)),
        *("--bins", str(root / "environments" / "dev.toml"), "--thing", "canteen-2"),
        *("--page", "127.0.0.1:8090", "--stay"),
    ]
    paths = os.pathsep.join([str(root / "lambda" / "inference"), str(root)])
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([paths, os.environ.get("PYTHONPATH", "")]),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "camera", *arguments],
        cwd=lens.parent,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            yield _address(program)
        finally:
            program.terminate()


def _address(program: subprocess.Popen[str]) -> str:
    assert program.stderr is not None  # noqa: S101 - piped above
    said = []
    for line in program.stderr:
        said.append(line)
        if found := re.match(r"page: (http\S+)", line):
            return found[1]
    raise RuntimeError(f"the camera program ended without a page:\n{''.join(said)}")


def _camera_page(page: Page, address: str, path: Path) -> None:
    page.open(address, width=_WIDTH, height=900)
    page.wait_for("document.querySelectorAll('#list li').length >= 5", seconds=90)
    said = "document.getElementById('said').textContent"
    before = page.value(said)
    # Just after an answer its item is still in view, with its box.
    page.wait_for(f"{said} !== {before!r}", seconds=30)
    page.wait_for("[...document.querySelectorAll('#list img')].every(i => i.naturalWidth > 0)")
    page.screenshot(path, size=(_WIDTH, _bottom(page, "main")))
    _smaller(path)


def _smaller(path: Path) -> None:
    """A palette is enough for pages, and a third of the size."""
    with Image.open(path) as picture:
        reduced = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    reduced.save(path, optimize=True)
