# SPDX-License-Identifier: Apache-2.0
"""A copy of the project that a test changes, to count the files that an addition touches."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("contracts", "environments", "infra", "lambda", "packages", "rehearsal", "training")


class Copy:
    """The product's sources in a folder of their own. ``touched`` are the files changed by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.touched: set[str] = set()
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", *COPIED],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        for name in listed:
            if (ROOT / name).is_file():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, target)

    def insert(self, name: str, text: str, *, before: str) -> None:
        """Put ``text`` before the only place in a file where ``before`` stands."""
        path = self.folder / name
        content = path.read_text(encoding="utf-8")
        assert content.count(before) == 1, f"{name} has {content.count(before)} times {before!r}"
        path.write_text(content.replace(before, text + before), encoding="utf-8")
        self.touched.add(name)

    def write(self, name: str, text: str) -> None:
        """A new file."""
        (self.folder / name).write_text(text, encoding="utf-8")
        self.touched.add(name)

    def run(self, *arguments: str) -> str:
        """What a Python of the copy prints."""
        places = (".", "lambda/inference", "packages/ministack-edge/src")
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": ":".join(str(self.folder / p) for p in places)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
