# SPDX-License-Identifier: Apache-2.0
"""The bins, and which bin a class of trash belongs in: configuration, because cities differ."""

import json
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Bin:
    """A bin: its name in settings, messages and folders, and its colour for people.

    White text on ``colour`` (red, green, blue) needs a contrast of at least 4.5. ``also`` are other
    names of its class folders.
    """

    name: str
    colour: tuple[int, int, int]
    also: tuple[str, ...] = ()


ALL_BINS = (
    Bin(name="landfill", colour=(90, 98, 110)),
    Bin(name="compost", colour=(28, 124, 60)),
    # The seed system's folders were called Recycling in its data and Recycle in its text.
    Bin(name="recycling", colour=(20, 96, 190), also=("recycle",)),
)
"""Every bin there is. Settings, messages, page, reports and samples follow from this list."""
BINS = tuple(each.name for each in ALL_BINS)
BIN_COLOURS: Mapping[str, tuple[int, int, int]] = {each.name: each.colour for each in ALL_BINS}
BIN_WORDS = " or ".join((", ".join(BINS[:-1]), BINS[-1]))
"""For sentences: ``landfill, compost or recycling``."""
DEFAULT_BIN, UNSURE_BELOW = BINS[0], 0.5


def folded(class_name: str) -> str:
    """A class name as policies compare it: letter case, blanks and composition do not count."""
    return unicodedata.normalize("NFC", class_name.strip()).casefold()


_SELF_NAMED = {folded(name): each.name for each in ALL_BINS for name in (each.name, *each.also)}


@dataclass(frozen=True)
class BinPolicy:
    """Maps a class and its confidence to a bin.

    ``classes`` maps a class name (see ``folded``) to a bin. A class that is itself the name of a
    bin needs no entry. ``default`` takes what is unknown or unsure, that is less confident than
    ``unsure_below`` (0 to 1).
    """

    classes: Mapping[str, str]
    default: str = DEFAULT_BIN
    unsure_below: float = UNSURE_BELOW

    def __post_init__(self) -> None:
        for key, value in (("default", self.default), *self.classes.items()):
            if value not in BINS:
                raise ValueError(f"bin policy: {key} = {value!r}; allowed: {', '.join(BINS)}")
        number = isinstance(self.unsure_below, (int, float)) and self.unsure_below is not True
        if not number or not 0 <= self.unsure_below <= 1:
            raise ValueError(f"bin policy: unsure_below = {self.unsure_below!r}; allowed: 0 to 1")
        names = {folded(name): value for name, value in self.classes.items()}
        object.__setattr__(self, "classes", MappingProxyType(names))

    def bin_for(self, class_name: str, confidence: float) -> str:
        """The bin for a class seen with this confidence (0 to 1)."""
        if confidence < self.unsure_below:
            return self.default
        name = folded(class_name)
        return self.classes.get(name) or _SELF_NAMED.get(name, self.default)

    def names(self, class_name: str) -> bool:
        """Whether the policy says where a class belongs; what it does not name gets the default."""
        name = folded(class_name)
        return name in self.classes or name in _SELF_NAMED

    def to_json(self) -> str:
        """One line of JSON, small enough for an environment variable; read by ``from_json``."""
        document = {
            "classes": dict(sorted(self.classes.items())),
            "default": self.default,
            "unsure_below": self.unsure_below,
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "BinPolicy":
        """Read what ``to_json`` wrote. Raises ValueError naming what is wrong."""
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"bin policy: not JSON: {error}") from error
        return cls.from_document(document)

    @classmethod
    def from_document(cls, document: object) -> "BinPolicy":
        """Read an object with ``classes``, ``default`` and ``unsure_below``, all but the first
        optional. Raises ValueError naming what is wrong."""
        if not isinstance(document, Mapping) or not isinstance(document.get("classes"), Mapping):
            raise ValueError("bin policy: expected an object with 'classes', an object")
        allowed = ("classes", "default", "unsure_below")
        for key in sorted(set(document) - set(allowed)):
            raise ValueError(f"bin policy: unknown key {key!r}; allowed: {', '.join(allowed)}")
        return cls(**document)


def read_policy(text: str) -> BinPolicy:
    """The policy that a command line names: JSON, or a TOML file with a table ``[bins]``.

    Raises ValueError or OSError.
    """
    if text.lstrip().startswith("{"):
        return BinPolicy.from_json(text)
    try:
        # Windows editors begin a file with a byte order mark.
        document: dict[str, Any] = tomllib.loads(Path(text).read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{text}: not UTF-8 ({error.reason}); save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{text}: expected a table [bins]: {error}") from error
    bins = document.get("bins")
    if not isinstance(bins, dict):
        raise ValueError(f"{text}: expected a table [bins]")
    try:
        return BinPolicy.from_document({"classes": {}, **bins})
    except ValueError as error:
        raise ValueError(f"{text}: {error}") from error
