# SPDX-License-Identifier: Apache-2.0
"""Reads paths and JSON that come from people or the network, with one kind of error."""

import json
from pathlib import Path
from typing import Any


def home_path(given: str | Path) -> Path:
    """The path with ``~`` replaced by the home folder. Raises ValueError with the reason."""
    try:
        path = Path(given).expanduser()
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    if "\0" in str(path):
        raise ValueError("embedded null byte")
    return path


def given_path(given: str | Path) -> Path:
    """The absolute path for what a person entered: ``~`` is the home folder, links are followed.

    Raises ValueError with the reason if it cannot be a path on this machine.
    """
    try:
        path = home_path(given).resolve()
        path.exists()  # raises for a name that is too long
        return path
    except OSError as error:
        raise ValueError(error.strerror or str(error)) from error
    except RuntimeError as error:
        # Links that lead to each other, before Python 3.13.
        raise ValueError(str(error)) from error


def parsed_json(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError, also if it is nested too deeply to be read."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
