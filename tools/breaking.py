# SPDX-License-Identifier: Apache-2.0
"""Intended losses of a release, as declared in `docs/breaking/NNNN-title.md`.

A file begins with TOML between two lines of ``+++``; docs/breaking/README.md has the form.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.releases import VERSION

FENCE = "+++"
NAME = re.compile(r"\d{4}-[a-z0-9-]+\.md")
EFFECTS = ("replaced", "removed")
KEYS = ("environment", "stack", "resource", "effect", "why")
MINIMUM_WHY = 20
EVERY = "*"


class BreakingError(Exception):
    """A declaration that cannot be used; the message names file, key and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """One resource whose loss is accepted when upgrading from ``after``."""

    file: Path
    after: str
    environment: str
    stack: str
    resource: str
    effect: str
    why: str

    def covers(self, *, environment: str, stack: str, resource: str, effect: str) -> bool:
        """Whether this is the declaration of that loss."""
        return self.environment in {EVERY, environment} and (
            self.stack,
            self.resource,
            self.effect,
        ) == (stack, resource, effect)


def declarations(folder: Path) -> list[Declaration]:
    """All declarations, in the order of the files. Raises BreakingError."""
    found: list[Declaration] = []
    for path in sorted(folder.glob("*.md")):
        if path.name == "README.md":
            continue
        if not NAME.fullmatch(path.name):
            raise BreakingError(f"{path}: call it <four digits>-<lower-case-words>.md")
        found += _read(path)
    return found


def _read(path: Path) -> Iterator[Declaration]:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    if lines[:1] != [FENCE] or FENCE not in lines[1:]:
        raise BreakingError(f"{path}: begin with TOML between two lines of {FENCE}")
    end = lines.index(FENCE, 1)
    try:
        document = tomllib.loads("\n".join(lines[1:end]))
    except tomllib.TOMLDecodeError as error:
        raise BreakingError(f"{path}: not TOML: {error}") from error
    after = document.pop("after", None)
    if not (isinstance(after, str) and VERSION.fullmatch(after)):
        raise BreakingError(f'{path}: after = {after!r}: the release upgraded from, as "1.2.0"')
    changes = document.pop("change", None)
    if document or not isinstance(changes, list) or not changes:
        extra = ", ".join(document) or "no [[change]]"
        raise BreakingError(f"{path}: {extra}: allowed are after and at least one [[change]]")
    if not "".join(lines[end + 1 :]).strip():
        raise BreakingError(f"{path}: describe below the second {FENCE} what an operator has to do")
    for number, change in enumerate(changes, 1):
        yield Declaration(file=path, after=after, **_checked(change, f"{path}: change {number}"))


def _checked(change: Mapping[str, Any], where: str) -> dict[str, str]:
    for key in sorted({*KEYS, *change}):
        if key not in KEYS:
            raise BreakingError(f"{where}: unknown key {key!r}; allowed: {', '.join(KEYS)}")
        if not isinstance(change.get(key), str) or not change[key].strip():
            raise BreakingError(f"{where}: {key} is missing or not text")
    if change["effect"] not in EFFECTS:
        raise BreakingError(
            f"{where}: effect = {change['effect']!r}; allowed: {', '.join(EFFECTS)}"
        )
    if len(change["why"]) < MINIMUM_WHY:
        raise BreakingError(f"{where}: why = {change['why']!r}: at least {MINIMUM_WHY} letters")
    return dict(change)
