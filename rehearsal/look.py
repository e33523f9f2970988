# SPDX-License-Identifier: Apache-2.0
"""Looks at the fleet as the operator does: with `make fleet`'s program, as the reader's role."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from rehearsal.errors import RehearsalError

ROOT = Path(__file__).resolve().parent.parent


def look(name: str, environment: Mapping[str, str], page: Path) -> list[str]:
    """The lines that the program prints about the environment ``name``; it writes the page too."""
    command = [sys.executable, "-m", "tools.fleet", "--environment", name, "--out", str(page)]
    shown = {key: os.environ[key] for key in ("BINSIGHT_ENVIRONMENTS",) if key in os.environ}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        command,
        env={**environment, **shown, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RehearsalError(f"make fleet failed: {done.stderr.strip()}")
    return done.stdout.splitlines()
