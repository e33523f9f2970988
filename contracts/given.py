# SPDX-License-Identifier: Apache-2.0
"""What people and networks hand in, read without a surprise: paths and JSON."""

import json
from pathlib import Path
from typing import Any


def given_path(given: str | Path) -> Path:
    """A path as a person gives it: absolute, ``~`` is the home folder, links are followed.

    Raises ValueError, which says why, for what cannot be a path on this machine.
    """
    try:
        path = Path(given).expanduser().resolve()
        path.exists()  # raises for a name that is too long
        return path
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    except RuntimeError as error:
        # A home folder that nobody knows, or links that lead to each other (before Python 3.13).
        raise ValueError(str(error)) from error


def parsed_json(text: str | bytes) -> Any:
    """What a JSON text holds. Raises ValueError, also where it is nested too deeply to be read."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
