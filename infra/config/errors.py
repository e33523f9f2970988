# SPDX-License-Identifier: Apache-2.0
"""Explains the errors in an environment file, one line each: file, key, value, what is allowed."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from infra.config.base import keys_of

_WORD, _LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_{|}~-]+", r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = rf"^{_WORD}(\.{_WORD})*@({_LABEL}\.)+[A-Za-z0-9-]*[A-Za-z][A-Za-z0-9]$"
BOUNDARY = r"^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]+$"
_ALLOWED = {
    r"^[0-9]{12}$": "12 digits in quotes",
    r"^[a-z][a-z0-9-]{1,22}[a-z0-9]$": "3 to 24 of a-z, 0-9 and -, beginning with a letter and "
    "not ending with -",
    r"^ml\.[a-z0-9-]+\.[a-z0-9]+$": "a SageMaker instance type such as ml.m5.xlarge",
    EMAIL: "an e-mail address",
    r"^[a-z][a-z0-9-]{0,62}$": "the name of another environment",
    r"^[a-z0-9][a-z0-9-]{0,62}$": "1 to 63 of a-z, 0-9 and -",
    r"^subnet-[0-9a-f]{8,17}$": "the id of a subnet such as subnet-0a1b2c3d",
    r"^sg-[0-9a-f]{8,17}$": "the id of a security group such as sg-0a1b2c3d",
    BOUNDARY: "the name of a managed policy, at most 128 characters, after its path if it has one "
    "(such as teams/limits, without a / at the beginning)",
}


_TYPES = {"string_type": "text in quotes", "dict_type": "a table"}


class SettingsError(ValueError):
    """An environment file that cannot be used; the message has one line per error."""


def explain(error: ValidationError, path: Path, model: type[BaseModel]) -> Iterator[str]:
    """One line for each fault that pydantic found in the file at ``path``."""
    for fault in error.errors():
        location = [str(part) for part in fault["loc"]]
        key = ".".join(location)
        if fault["type"] == "extra_forbidden":
            yield f"{path}: unknown key {key!r}{_known(model, location)}"
        elif fault["type"] == "missing":
            yield f"{path}: {key} is missing{_known(model, location)}"
        else:
            # An address may hold a password.
            value = repr(fault["input"])
            if key == "camera.source" and any(mark in value for mark in "@?#="):
                value = "..."
            yield f"{path}: {key} = {value}: allowed: {_allowed(fault)}"


def pattern_in_words(pattern: str) -> str:
    """What a pattern of the settings allows, in words: for errors and the settings reference."""
    return _ALLOWED.get(pattern, f"text that matches {pattern}")


def toml_hint(text: str, error: Exception) -> str:
    """The likely reason why a file is not TOML; empty if none is known."""
    found = re.search(r"at line ([0-9]+)", str(error))
    lines = text.split("\n")
    line = lines[int(found[1]) - 1] if found and int(found[1]) <= len(lines) else ""
    if any(quote in line for quote in "\u201c\u201d\u201e\u2018\u2019"):
        return '; it contains typographic quotes: write "'
    if "\u00a0" in line:
        return "; it contains a no-break space: write a plain space"
    if re.search(r"=\s*0[0-9]+", line):
        return "; a number that begins with 0 needs quotes"
    return ""


def _known(model: type[BaseModel], location: list[str]) -> str:
    section = model
    for part in location[:-1]:
        annotation = keys_of(section)[part].annotation
        assert isinstance(annotation, type)  # noqa: S101 - only sections have keys within
        assert issubclass(annotation, BaseModel)  # noqa: S101
        section = annotation
    keys = list(keys_of(section))
    close = difflib.get_close_matches(location[-1], keys, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close and close[0] != location[-1] else ""
    return f"{hint}: allowed: {', '.join(keys)}"


def _allowed(fault: Any) -> str:
    context = fault.get("ctx", {})
    if fault["type"] in _TYPES:
        return _TYPES[fault["type"]]
    if fault["type"] == "string_pattern_mismatch":
        return pattern_in_words(context["pattern"])
    if fault["type"] == "literal_error":
        return "one of " + str(context["expected"]).replace(" or ", ", ")
    if fault["type"] == "value_error":
        return str(context["error"])
    message = re.sub(r"^Input should be ", "", str(fault["msg"]))
    return re.sub(r"^a valid ", "", message)
