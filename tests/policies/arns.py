# SPDX-License-Identifier: Apache-2.0
"""Whether two patterns of ARNs have an ARN in common: a policy's and the reference's."""

import functools
import re

_WITH_SLASHES = {
    "LogGroupName",
    "LogStreamName",
    "ModelPackageName",
    "ObjectName",
    "ParameterNameWithoutLeadingSlash",
    "PolicyNameWithPath",
    "RoleNameWithPath",
    "TopicFilter",
    "TopicName",
}
"""Variables of the reference whose values may contain a slash; no other one does."""
_WITH_COLONS = {"ObjectName", "LogStreamName", "TopicName", "TopicFilter"}

Token = tuple[str, str]
"""A character to match, or ("", characters that this piece must not contain)."""


@functools.cache
def meets(pattern: str, form: str) -> bool:
    """Whether an ARN of the reference's ``form`` can match a policy's ``pattern``.

    ``form`` has ``${Variables}``, ``pattern`` has ``*`` and ``?`` and may have policy variables,
    which stand for anything.
    """
    if pattern == "*":
        return True
    return any(
        _common(_of_policy(one), _of_reference(form)) for one in _as_the_service_reads(pattern)
    )


def covers(pattern: str, arn: str) -> bool:
    """Whether a policy's pattern matches this very ARN, which has no wildcard of its own."""
    return _expression(pattern).fullmatch(arn) is not None


@functools.cache
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


def _as_the_service_reads(pattern: str) -> tuple[str, ...]:
    # CloudWatch Logs writes a log group's ARN with `:*` at its end, and takes both forms.
    if ":logs:" in pattern and pattern.count(":") == 7 and pattern.endswith(":*"):
        return pattern, pattern[:-2]
    return (pattern,)


def _of_policy(pattern: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    for piece in re.findall(r"\$\{[^}]*\}|.", pattern, re.DOTALL):
        tokens.append(("", "") if piece == "*" or len(piece) > 1 else (piece, ""))
    return tuple(tokens)


def _of_reference(form: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    for piece in re.findall(r"\$\{\w+\}|.", form):
        if len(piece) == 1:
            tokens.append((piece, ""))
            continue
        name = piece[2:-1]
        without = "" if name in _WITH_COLONS else ":"
        tokens.append(("", without + ("" if name in _WITH_SLASHES else "/")))
    return tuple(tokens)


def _common(one: tuple[Token, ...], other: tuple[Token, ...]) -> bool:
    """Walks both patterns at once, over every pair of places that one text can lead to."""
    seen: set[tuple[int, int]] = set()
    places = [(0, 0)]
    while places:
        place = places.pop()
        if place in seen:
            continue
        seen.add(place)
        left, right = place
        if left == len(one) and right == len(other):
            return True
        if left < len(one) and not one[left][0]:
            places.append((left + 1, right))
        if right < len(other) and not other[right][0]:
            places.append((left, right + 1))
        if left < len(one) and right < len(other):
            places.extend(_step(place, one[left], other[right]))
    return False


def _step(place: tuple[int, int], one: Token, other: Token) -> list[tuple[int, int]]:
    """Where one more character leads: past what is a character, not past what is a wildcard."""
    left, right = place
    if one[0] and other[0]:
        same = one[0] == other[0] or one[0] == "?"
        return [(left + 1, right + 1)] if same else []
    if one[0]:
        return [(left + 1, right)] if one[0] not in other[1] else []
    return [(left, right + 1)] if other[0] and other[0] not in one[1] else []
