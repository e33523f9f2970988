# SPDX-License-Identifier: Apache-2.0
"""Which bin a class of trash belongs in: configuration, because cities differ."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

BINS = ("landfill", "compost", "recycling")

# The seed system's folders were called Recycling in its data and Recycle in its text.
_SELF_NAMED = {**{name: name for name in BINS}, "recycle": "recycling"}


@dataclass(frozen=True)
class BinPolicy:
    """Maps a class and its confidence to a bin.

    ``classes`` maps a class name (any letter case) to a bin. A class that is itself the name of a
    bin needs no entry. ``default`` takes what is unknown or unsure, that is less confident than
    ``unsure_below`` (0 to 1).
    """

    classes: Mapping[str, str]
    default: str = "landfill"
    unsure_below: float = 0.5

    def __post_init__(self) -> None:
        for key, value in (("default", self.default), *self.classes.items()):
            if value not in BINS:
                raise ValueError(f"bin policy: {key} = {value!r}; allowed: {', '.join(BINS)}")
        if not 0 <= self.unsure_below <= 1:
            raise ValueError(f"bin policy: unsure_below = {self.unsure_below}; allowed: 0 to 1")
        folded = {name.casefold(): value for name, value in self.classes.items()}
        object.__setattr__(self, "classes", MappingProxyType(folded))

    def bin_for(self, class_name: str, confidence: float) -> str:
        """The bin for a class seen with this confidence (0 to 1)."""
        if confidence < self.unsure_below:
            return self.default
        name = class_name.strip().casefold()
        return self.classes.get(name) or _SELF_NAMED.get(name, self.default)

    def names(self, class_name: str) -> bool:
        """Whether the policy says where a class belongs; what it does not name gets the default."""
        name = class_name.strip().casefold()
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
            document: Any = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"bin policy: not JSON: {error}") from error
        if not isinstance(document, dict) or not isinstance(document.get("classes"), dict):
            raise ValueError("bin policy: expected an object with 'classes', an object")
        unknown = sorted(set(document) - {"classes", "default", "unsure_below"})
        if unknown:
            raise ValueError(f"bin policy: unknown key {unknown[0]!r}")
        return cls(**document)


def read_policy(text: str) -> BinPolicy:
    """What a command line names: JSON, or a TOML file with a table ``[bins]``.

    Raises ValueError or OSError.
    """
    if text.lstrip().startswith("{"):
        return BinPolicy.from_json(text)
    try:
        document = tomllib.loads(Path(text).read_text(encoding="utf-8-sig"))
        bins = document["bins"]
        return BinPolicy(
            bins.get("classes", {}),
            default=bins.get("default", "landfill"),
            unsure_below=bins.get("unsure_below", 0.5),
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"{text}: not UTF-8 ({error.reason}); save it as UTF-8") from error
    except (KeyError, AttributeError, TypeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{text}: expected a table [bins]: {error}") from error
