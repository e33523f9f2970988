# SPDX-License-Identifier: Apache-2.0
"""Read named text values as types: a program's environment variables, a source's options."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Reader:
    """Reads values by name. An invalid value raises ``error`` with the name, value and limits.

    ``what`` names the kind of value in errors. Surrounding blanks are ignored, and an empty value
    counts as missing.
    """

    values: Mapping[str, str]
    what: str = "environment variable"
    error: type[Exception] = ValueError
    asked: set[str] = field(default_factory=set)
    """The names that were read; after everything was read, these are all known names."""

    def text(self, name: str, default: str | None = None) -> str:
        """The text. It is required unless there is a ``default``."""
        self.asked.add(name)
        value = self.values.get(name, "").strip()
        if value:
            return value
        if default is None:
            raise self.error(f"{self.what} {name} is missing")
        return default

    def parsed(self, name: str, parse: Callable[[str], T]) -> T:
        """The result of ``parse``; its TypeError or ValueError is raised as ``error``."""
        value = self.text(name)
        try:
            return parse(value)
        except (TypeError, ValueError) as error:
            raise self.error(f"{self.what} {name} = {value!r}: {error}") from error

    def one_of(self, name: str, default: str | None = None, *, allowed: Iterable[str]) -> str:
        """One of the ``allowed`` texts."""
        value, names = self.text(name, default), tuple(allowed)
        if value not in names:
            raise self.error(f"{self.what} {name} = {value!r}: allowed are {', '.join(names)}")
        return value

    def number(self, name: str, default: float | None = None, *, low: float, high: float) -> float:
        """A number from ``low`` to ``high``."""
        value = self.text(name, None if default is None else str(default))
        try:
            number = float(value)
        except ValueError:
            number = low - 1
        # Written so that NaN is refused as well.
        if not low <= number <= high:
            raise self.error(f"{self.what} {name} = {value!r}: allowed are {low:g} to {high:g}")
        return number

    def count(self, name: str, default: int | None = None, *, low: int = 1, high: int) -> int:
        """A whole number from ``low`` to ``high``."""
        number = self.number(name, default, low=low, high=high)
        if number != int(number):
            raise self.error(f"{self.what} {name} = {number:g}: not a whole number")
        return int(number)

    def flag(self, name: str) -> bool:
        """1 or 0."""
        return self.one_of(name, allowed=("0", "1")) == "1"
