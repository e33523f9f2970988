# SPDX-License-Identifier: Apache-2.0
"""Checks whether the pinned packages are already installed: exit status 0 if they are.

Standard library only and quick: it runs before anything is installed.
"""

import importlib.metadata
import sys
from pathlib import Path


def missing(requirements: Path) -> list[str]:
    """The pins ``name==version`` of a requirements file that are not installed in this Python."""
    found = []
    for line in requirements.read_text(encoding="utf-8").splitlines():
        pin = line.partition("#")[0].strip()
        if not pin:
            continue
        name, _, version = pin.partition("==")
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = ""
        if installed != version:
            found.append(pin)
    return found


if __name__ == "__main__":
    wanted = missing(Path(__file__).with_name("requirements.in"))
    if wanted:
        print(f"to be installed: {', '.join(wanted)}", flush=True)
    sys.exit(1 if wanted else 0)
