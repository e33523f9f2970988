# SPDX-License-Identifier: Apache-2.0
"""The releases that ``docs/releases.toml`` records: version, date and commit, oldest first."""

import datetime
import itertools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path("docs") / "releases.toml"
VERSION = re.compile(r"\d+\.\d+\.\d+")
_FORMS: Mapping[str, str] = {
    "version": 'three numbers, such as "0.1.0"',
    "date": "a date without quotes, such as 2026-11-27",
    "commit": "the 40 hexadecimal digits of a commit, in quotes",
}


class ReleaseError(Exception):
    """The file cannot be used; the message names the file, the entry, the key and its form."""


@dataclass(frozen=True)
class Release:
    """One release."""

    version: str
    date: datetime.date
    commit: str

    @property
    def order(self) -> tuple[int, ...]:
        """For comparing versions."""
        return order(self.version)


def order(version: str) -> tuple[int, ...]:
    """The numbers of a version, for comparing it with another one."""
    return tuple(int(part) for part in version.split("."))


def releases(root: Path) -> list[Release]:
    """Every release of the project in ``root``, oldest first. Raises ReleaseError."""
    path = root / FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise ReleaseError(f"{path}: not readable: {error}") from error
    entries = document.pop("release", [])
    if document or not isinstance(entries, list):
        raise ReleaseError(
            f"{path}: {', '.join(document) or 'release'}: only [[release]] is allowed"
        )
    found = [_checked(entry, f"{path}: release {n}") for n, entry in enumerate(entries, 1)]
    for older, newer in itertools.pairwise(found):
        if older.order >= newer.order or older.date > newer.date:
            raise ReleaseError(
                f"{path}: {newer.version} of {newer.date} stands after {older.version} of "
                f"{older.date}; versions and dates must ascend"
            )
    return found


def newest(root: Path) -> Release | None:
    """The release that an upgrade is compared with; None before the first one."""
    return next(reversed(releases(root)), None)


def _checked(entry: Any, where: str) -> Release:
    if not isinstance(entry, Mapping):
        raise ReleaseError(f"{where}: {entry!r}: write it as [[release]]")
    for key in sorted({*_FORMS, *entry}):
        if key not in _FORMS:
            raise ReleaseError(f"{where}: unknown key {key!r}; allowed: {', '.join(_FORMS)}")
        if not _fits(key, entry.get(key)):
            raise ReleaseError(f"{where}: {key} = {entry.get(key)!r}: needed: {_FORMS[key]}")
    return Release(**entry)


def _fits(key: str, value: Any) -> bool:
    if key == "date":
        return isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)
    pattern = VERSION if key == "version" else re.compile("[0-9a-f]{40}")
    return isinstance(value, str) and pattern.fullmatch(value) is not None
