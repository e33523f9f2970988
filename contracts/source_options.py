# SPDX-License-Identifier: Apache-2.0
"""The options of a source's URI: their defaults, and which values are allowed.

The settings and the camera program read them here, so that both refuse the same values with the
same sentence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.environment import Reader


@dataclass(frozen=True)
class Option:
    """An option: its default as a URI would give it, and how its value is read."""

    default: str
    read: Callable[[Reader, str], Any]


def number(default: float, *, low: float, high: float) -> Option:
    """A number from ``low`` to ``high``."""
    return Option(f"{default:g}", lambda values, name: values.number(name, low=low, high=high))


def count(default: int, *, low: int, high: int) -> Option:
    """A whole number from ``low`` to ``high``."""
    return Option(str(default), lambda values, name: values.count(name, low=low, high=high))


def flag() -> Option:
    """0, the default, or 1: read as a bool."""
    return Option("0", lambda values, name: values.flag(name))


def one_of(default: str, *others: str) -> Option:
    """One of these texts."""
    return Option(default, lambda values, name: values.one_of(name, allowed=(default, *others)))


def absolute_path() -> Option:
    """A file on the camera, without a default: empty where none is given."""
    return Option("", _absolute)


def _absolute(values: Reader, name: str) -> str:
    path = values.text(name, "")
    if path and not path.startswith("/"):
        raise ValueError(f"option {name} = {path!r}: allowed is a path that begins with /")
    return path


def read_options(options: Mapping[str, Option], given: Mapping[str, str]) -> dict[str, Any]:
    """The value of each option: as given, or its default.

    Raises ValueError with the name, the value and what is allowed.
    """
    values = {name: given.get(name, option.default) for name, option in options.items()}
    reader = Reader(values, what="option")
    return {name: option.read(reader, name) for name, option in options.items()}
