# SPDX-License-Identifier: Apache-2.0
"""What a review has to be told of the project it reviews; everything else is AWS's semantics."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.review.model import Item, Level, Pair


@dataclass(frozen=True)
class Gate:
    """A number that holds something back. ``name`` is matched against names of parameters and
    variables without regard to letters and underscores."""

    name: str
    higher_is_stricter: bool
    off: float
    """From here on it holds nothing back."""
    meaning: str
    """What passes when it is looser."""

    def matches(self, name: str) -> bool:
        """Whether a parameter or variable is this gate."""
        return re.fullmatch(self.name, name.replace("_", "").lower()) is not None

    def judge(self, was: Any, now: Any) -> tuple[Level, str] | None:
        """How a new number changes the gate; None if they are no numbers."""
        try:
            old, new = float(was), float(now)
        except (TypeError, ValueError):
            return None
        if old == new:
            return None
        if (new > old) == self.higher_is_stricter:
            return Level.LOOK, "stricter"
        off = new <= self.off if self.higher_is_stricter else new >= self.off
        far = new < old / 2 if self.higher_is_stricter else new >= 10 * max(old, 0.1)
        if off or far:
            return Level.DANGEROUS, f"{'switched off' if off else 'far looser'}: {self.meaning}"
        return Level.LOOK, f"looser: {self.meaning}"


@dataclass(frozen=True)
class FileKind:
    """Files whose change shows in no template. ``compare`` takes a file's text before and after
    ("" where it is new or gone) and says what the change means."""

    pattern: str
    level: Level
    meaning: str
    compare: Callable[[str, str], Iterable[tuple[Level, str]]] | None = None


@dataclass(frozen=True)
class Project:
    """What plugs into a review."""

    sections: Sequence[Callable[[Pair], list[Item]]] = ()
    gates: Sequence[Gate] = ()
    known_accounts: frozenset[str] = frozenset()
    files: Sequence[FileKind] = ()
    own_code: frozenset[str] = frozenset()
    """The top folders in assets that are the project's own code."""
    more_apps: Sequence[Path] = ()
    """Files with ``available(tree)`` and ``build(app, environment)``: further apps whose stacks
    are reviewed with each environment's own."""

    def gate(self, name: str) -> Gate | None:
        """The gate that a parameter or variable is, if any."""
        return next((gate for gate in self.gates if gate.matches(name)), None)


def current() -> Project:
    """The project under review: the one place that names it."""
    from tools.review.binsight import PROJECT  # noqa: PLC0415 - its sections import this module

    return PROJECT
