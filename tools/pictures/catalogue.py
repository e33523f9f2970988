# SPDX-License-Identifier: Apache-2.0
"""The pictures there are, and what each was made from.

Only what a picture shows belongs to its sources. A change there makes the picture stale, and
``tests/tools/test_pictures.py`` fails until ``make pictures`` has drawn it again.
"""

import ast
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.pictures.dashboard import TEMPLATE, widgets

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"
RECORD = FOLDER / "made-from.json"
MOST_BYTES = 150_000

_PRINTED = frozenset({"stage", "news", "add_column", "print"})
"""Calls whose text a rehearsal prints."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A file in docs/pictures. ``sources`` are patterns below the root; ``material``, further."""

    file: str
    sources: tuple[str, ...]
    material: Callable[[], str] | None = None

    @property
    def path(self) -> Path:
        """Where the picture is."""
        return FOLDER / self.file

    def digest(self) -> str:
        """The SHA-256 of the content of all sources. Raises ValueError if one of the patterns
        matches no file: it was moved too far."""
        found = hashlib.sha256()
        for pattern in self.sources:
            files = [path for path in sorted(ROOT.glob(pattern)) if path.is_file()]
            if not files:
                raise ValueError(f"{self.file}: source {pattern!r} matches no file")
            for path in files:
                found.update(hashlib.sha256(path.read_bytes()).digest())
        if self.material is not None:
            found.update(self.material().encode())
        return found.hexdigest()


def _rehearsal_text() -> str:
    """The literals that a rehearsal prints, so that other changes to its code leave the still."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "rehearsal").glob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    printed = {
        part.value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in _PRINTED
        for argument in call.args
        for part in ast.walk(argument)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }
    return "\n".join(sorted(printed))


_OURS = "tools/pictures/"

PICTURES = (
    Picture(
        file="camera-page.png",
        sources=(
            "lambda/inference/camera/page/page.html",
            "lambda/inference/camera/page/overlay.py",
            "rehearsal/samples/tray.py",
            "rehearsal/samples/items.py",
            _OURS + "browser_pictures.py",
        ),
    ),
    Picture(
        file="data-report.png",
        sources=(
            "training/dataset/data_report.py",
            "training/pages/templates/base.html",
            "training/pages/templates/parts.html",
            "training/pages/templates/data_report.html",
            _OURS + "browser_pictures.py",
        ),
    ),
    Picture(
        file="evaluation-report.png",
        sources=(
            "training/evaluation/report.py",
            "training/evaluation/report_charts.py",
            "training/pages/templates/base.html",
            "training/pages/templates/parts.html",
            "training/pages/templates/evaluation_report.html",
            _OURS + "browser_pictures.py",
        ),
    ),
    Picture(
        file="fleet-page.png",
        sources=("tools/fleet_page.py", "tools/fleet_table.py", _OURS + "fleet.py"),
    ),
    Picture(
        file="dashboard.svg",
        sources=(_OURS + "dashboard.py",),
        material=lambda: json.dumps(widgets(ROOT / TEMPLATE), sort_keys=True),
    ),
    Picture(
        file="review.svg",
        sources=("*/*review*/**/terminal.py", _OURS + "terminal.py"),
    ),
    Picture(
        file="rehearsal.svg",
        sources=("rehearsal/progress.py", "rehearsal/report.py", _OURS + "terminal.py"),
        material=_rehearsal_text,
    ),
)


def recorded() -> dict[str, str]:
    """By picture: the digest of the sources that it was made from."""
    return dict(json.loads(RECORD.read_text())) if RECORD.exists() else {}


def record(digests: dict[str, str]) -> None:
    """Write what each picture was made from."""
    RECORD.write_text(json.dumps(dict(sorted(digests.items())), indent=2) + "\n")
