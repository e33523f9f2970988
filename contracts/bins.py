# SPDX-License-Identifier: Apache-2.0
"""The bins, and which bin a class of trash belongs in: configuration, because cities differ."""

import json
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from contracts.given import parsed_json


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
"""The bins of an environment whose file names no others. Settings, page, reports and samples follow
from the bins of the policy."""
BINS = tuple(each.name for each in ALL_BINS)
BIN_WORDS = " or ".join((", ".join(BINS[:-1]), BINS[-1]))
"""For sentences: ``landfill, compost or recycling``."""
DEFAULT_BIN, UNSURE_BELOW = BINS[0], 0.7
NEUTRAL = (60, 60, 60)
"""The colour of what is in no bin."""
MOST_BINS, LONGEST_NAME = 8, 40
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_CONTRAST = 4.5
_KEYS = ("classes", "default", "unsure_below", "colours")


def folded(class_name: str) -> str:
    """A class name as policies compare it: letter case, blanks and composition do not count."""
    return unicodedata.normalize("NFC", class_name.strip()).casefold()


def contradiction(classes: Mapping[str, str]) -> str:
    """What is allowed, if a policy's classes contradict each other; otherwise empty."""
    seen: dict[str, str] = {}
    for name, value in classes.items():
        other = seen.setdefault(folded(name), name)
        if classes[other] != value:
            return (
                f"one bin for a class: {other!r} and {name!r} are one class, because letter case, "
                "blanks around it and how letters are encoded do not count"
            )
    return ""


def bins_of(colours: Iterable[tuple[str, str]]) -> tuple[Bin, ...]:
    """A city's own bins, from pairs of a name and a colour such as ``#4a4f57``.

    Raises ValueError, which says what is allowed.
    """
    found = tuple(Bin(name=name, colour=_colour(name, text)) for name, text in colours)
    for each in found:
        if not 1 <= len(each.name) <= LONGEST_NAME or each.name != each.name.strip():
            raise ValueError(f"bin names of 1 to {LONGEST_NAME} characters, not {each.name!r}")
    if len({folded(each.name) for each in found}) < len(found):
        raise ValueError("bin names that differ, ignoring letter case")
    if not 2 <= len(found) <= MOST_BINS:
        raise ValueError(f"2 to {MOST_BINS} bins, not {len(found)}")
    return found


def _colour(name: str, text: object) -> tuple[int, int, int]:
    if not isinstance(text, str) or not _COLOUR.fullmatch(text):
        raise ValueError(f"for {name} a colour such as '#4a4f57', not {text!r}")
    red, green, blue = bytes.fromhex(text[1:])
    contrast = 1.05 / (_luminance((red, green, blue)) + 0.05)
    if contrast < _CONTRAST:
        raise ValueError(
            f"for {name} a darker colour than {text}: white text on it has a contrast of "
            f"{contrast:.1f}, and {_CONTRAST} is needed to read it"
        )
    return red, green, blue


def _luminance(colour: tuple[int, int, int]) -> float:
    """Relative luminance as WCAG 2 defines it, 0 to 1."""
    parts = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in (each / 255 for each in colour)
    )
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def as_text(colour: tuple[int, int, int]) -> str:
    """A colour as pages and settings have it: ``#4a4f57``."""
    return f"#{bytes(colour).hex()}"


class SortedItem(NamedTuple):
    """The answer for an item.

    ``class_name`` is the most probable class, ``confidence`` its probability. ``bin_confidence`` is
    the probability of all classes that belong in the same bin. An ``unsure`` item is in the default
    ``bin``.
    """

    class_name: str
    confidence: float
    bin: str
    bin_confidence: float
    unsure: bool


@dataclass(frozen=True)
class BinPolicy:
    """Maps what the model makes of an item to a bin.

    ``classes`` maps a class name (see ``folded``) to a bin. A class that is itself the name of a
    bin needs no entry. ``default`` takes classes without a bin, and unsure items: those whose bin
    has a probability below ``unsure_below`` (0 to 1). ``bins`` are those of the city.
    """

    classes: Mapping[str, str]
    default: str = DEFAULT_BIN
    unsure_below: float = UNSURE_BELOW
    bins: tuple[Bin, ...] = ALL_BINS

    def __post_init__(self) -> None:
        for key, value in (("default", self.default), *self.classes.items()):
            if value not in self.bin_names:
                allowed = ", ".join(self.bin_names)
                raise ValueError(f"bin policy: {key} = {value!r}; allowed: {allowed}")
        number = isinstance(self.unsure_below, (int, float)) and self.unsure_below is not True
        if not number or not 0 <= self.unsure_below <= 1:
            raise ValueError(f"bin policy: unsure_below = {self.unsure_below!r}; allowed: 0 to 1")
        if problem := contradiction(self.classes):
            raise ValueError(f"bin policy: classes: allowed: {problem}")
        names = {folded(name): value for name, value in self.classes.items()}
        object.__setattr__(self, "classes", MappingProxyType(names))

    @property
    def bin_names(self) -> tuple[str, ...]:
        """In the order of the environment's file."""
        return tuple(each.name for each in self.bins)

    def colour(self, name: str) -> tuple[int, int, int]:
        """Red, green and blue of a bin; a neutral one for a name that is none of the city's."""
        return next((each.colour for each in self.bins if each.name == name), NEUTRAL)

    def sort(self, class_names: Sequence[str], probabilities: Sequence[float]) -> SortedItem:
        """The class and bin of an item, from the probability (0 to 1) of each class.

        Whether an item is unsure depends on its bin, not on its class: one that is either paper or
        cardboard belongs in recycling where both do.
        """
        label = max(range(len(class_names)), key=lambda index: probabilities[index])
        bins = [self._named(name) or self.default for name in class_names]
        together = sum(
            float(probability)
            for probability, bin_ in zip(probabilities, bins, strict=True)
            if bin_ == bins[label]
        )
        # Sums of float32 may exceed 1 by a rounding error.
        bin_confidence = min(together, 1.0)
        unsure = bin_confidence < self.unsure_below
        return SortedItem(
            class_name=class_names[label],
            confidence=min(float(probabilities[label]), 1.0),
            bin=self.default if unsure else bins[label],
            bin_confidence=bin_confidence,
            unsure=unsure,
        )

    def bin_for(self, class_name: str, bin_confidence: float) -> str:
        """The bin for a class, where the classes of its bin have this probability together."""
        if bin_confidence < self.unsure_below:
            return self.default
        return self._named(class_name) or self.default

    def names(self, class_name: str) -> bool:
        """Whether the policy names a bin for the class; other classes go to the default bin."""
        return self._named(class_name) is not None

    def unnamed(self, class_names: Iterable[str]) -> tuple[str, ...]:
        """The classes for which the policy names no bin."""
        return tuple(name for name in class_names if not self.names(name))

    def _named(self, class_name: str) -> str | None:
        name = folded(class_name)
        if name in self.classes:
            return self.classes[name]
        same = (each for each in self.bins if name in map(folded, (each.name, *each.also)))
        return next((each.name for each in same), None)

    def to_json(self) -> str:
        """One line of JSON, small enough for an environment variable; read by ``from_json``."""
        document: dict[str, Any] = {
            "classes": dict(sorted(self.classes.items())),
            "default": self.default,
            "unsure_below": self.unsure_below,
        }
        if self.bins != ALL_BINS:
            # Pairs, because their order counts.
            document["colours"] = [[each.name, as_text(each.colour)] for each in self.bins]
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "BinPolicy":
        """Read what ``to_json`` wrote. Raises ValueError naming what is wrong."""
        try:
            document = parsed_json(text)
        except ValueError as error:
            raise ValueError(f"bin policy: not JSON: {error}") from error
        return cls.from_document(document)

    @classmethod
    def from_document(cls, document: object) -> "BinPolicy":
        """Read an object with ``classes``, ``default``, ``unsure_below`` and ``colours`` (an object
        or pairs), all but the first optional. Raises ValueError naming what is wrong."""
        if not isinstance(document, Mapping) or not isinstance(document.get("classes"), Mapping):
            raise ValueError("bin policy: expected an object with 'classes', an object")
        for key in sorted(set(document) - set(_KEYS)):
            raise ValueError(f"bin policy: unknown key {key!r}; allowed: {', '.join(_KEYS)}")
        known = {key: value for key, value in document.items() if key != "colours"}
        if colours := document.get("colours"):
            try:
                known["bins"] = bins_of(_pairs(colours))
            except ValueError as error:
                raise ValueError(f"bin policy: colours: allowed: {error}") from error
        return cls(**known)


def _pairs(colours: object) -> list[tuple[str, str]]:
    listed = list(colours.items()) if isinstance(colours, Mapping) else colours
    if not isinstance(listed, Sequence) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 for pair in listed
    ):
        raise ValueError(f"names and their colours, not {colours!r}")
    return [(str(name), colour) for name, colour in listed]


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
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{text}: expected a table [bins]: {error}") from error
    bins = document.get("bins")
    if not isinstance(bins, dict):
        raise ValueError(f"{text}: expected a table [bins]")
    try:
        return BinPolicy.from_document({"classes": {}, **bins})
    except ValueError as error:
        raise ValueError(f"{text}: {error}") from error
