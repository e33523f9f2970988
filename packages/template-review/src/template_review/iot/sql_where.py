# SPDX-License-Identifier: Apache-2.0
"""WHERE clauses compared by what they let through.

A clause is read as alternatives (OR) of tests (AND). It lets through less than another if each of
its alternatives asks at least what some alternative of the other asks.
"""

import re
from enum import Enum

_TOKEN = re.compile(r"'[^']*'|\"[^\"]*\"|\w+|<>|!=|<=|>=|\S")
_KEYWORDS = {"and", "or", "not", "in", "true", "false", "null", "is", "like", "case", "when", "end"}
_COMPARED = re.compile(r"^(\S+) (=|<>|!=|<|>|<=|>=) (\S+)$")
_LITERAL = re.compile(r"^('[^']*'|\"[^\"]*\"|-?\d+(?: \. \d+)?|true|false|null)$")
EVERYTHING = frozenset([frozenset[str]()])
NOTHING = frozenset[frozenset[str]]()

Alternatives = frozenset[frozenset[str]]


class Change(Enum):
    """How a clause relates to the one before."""

    SAME = "lets through the same"
    LESS = "lets through less"
    MORE = "lets through more"
    NOTHING = "lets through nothing"
    OTHER = "lets through something else"


def compare(old: str, new: str) -> Change:
    """What a new WHERE lets through, compared with an old one ("" is no WHERE)."""
    before, after = alternatives(old), alternatives(new)
    if before == after:
        return Change.SAME
    if after == NOTHING:
        return Change.NOTHING
    less, more = _within(after, before), _within(before, after)
    if less and more:
        return Change.SAME
    if less:
        return Change.LESS
    return Change.MORE if more else Change.OTHER


def tests(where: str) -> set[str]:
    """Every test that a clause makes, as people write it."""
    found = {test for alternative in alternatives(where) for test in alternative}
    return {re.sub(r" ?([().,]) ?", r"\1", test).replace(",", ", ") for test in found}


def alternatives(where: str) -> Alternatives:
    """The clause as alternatives of tests; nothing passes an empty set."""
    words = [word.lower() if word.lower() in _KEYWORDS else word for word in _TOKEN.findall(where)]
    return _either(words)


def _either(words: list[str]) -> Alternatives:
    words = _bare(words)
    if not words:
        return EVERYTHING
    parts = _split(words, "or")
    if len(parts) > 1:
        return frozenset(one for part in parts for one in _either(part))
    parts = _split(words, "and")
    if len(parts) == 1:
        return _test(" ".join(words))
    found = [frozenset[str]()]
    for part in parts:
        found = [one | two for one in found for two in _either(part)]
    return frozenset(found)


def _test(text: str) -> Alternatives:
    """A test that compares two literals holds always or never."""
    if text == "true":
        return EVERYTHING
    if text in {"false", "null"}:
        return NOTHING
    compared = _COMPARED.match(text)
    if compared and _LITERAL.match(compared.group(1)) and _LITERAL.match(compared.group(3)):
        equal = compared.group(1) == compared.group(3)
        holds = equal if compared.group(2) in {"=", "<=", ">="} else not equal
        return EVERYTHING if holds else NOTHING
    return frozenset([frozenset([text])])


def _split(words: list[str], at: str) -> list[list[str]]:
    """At a keyword that is in no bracket."""
    parts: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += (word in "([{") - (word in ")]}")
        if word == at and depth == 0:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _bare(words: list[str]) -> list[str]:
    """Without brackets around the whole."""
    while len(words) > 1 and words[0] == "(" and words[-1] == ")":
        depth = 0
        for place, word in enumerate(words):
            depth += (word == "(") - (word == ")")
            if depth == 0 and place < len(words) - 1:
                return words
        words = words[1:-1]
    return words


def _within(narrow: Alternatives, wide: Alternatives) -> bool:
    return all(any(other <= one for other in wide) for one in narrow)
