# SPDX-License-Identifier: Apache-2.0
"""What a value can be where conditions of the template decide it (``Fn::If``)."""

from collections.abc import Iterator, Mapping
from typing import Any

_NOTHING: tuple[Any, ...] = (None, "", {}, [], "AWS::NoValue")
Branch = tuple[Any, dict[str, str]]


def branches(value: Any, when: Mapping[str, str] | None = None) -> Iterator[Branch]:
    """What a value can be (None: it is not there), and under which conditions of the template."""
    known = dict(when or {})
    argument = value.get("Fn::If") if isinstance(value, Mapping) and len(value) == 1 else None
    if isinstance(argument, list) and len(argument) == 3:
        name, yes, no = argument
        yield from branches(yes, {**known, str(name): "true"})
        yield from branches(no, {**known, str(name): "false"})
    else:
        yield (None if value in _NOTHING else value), known


def each_of(value: Any) -> Iterator[Branch]:
    """The members that a list can have; a single value is a list of one."""
    for one, when in branches(value):
        if isinstance(one, list):
            for member in one:
                yield from ((each, {**when, **under}) for each, under in each_of(member))
        elif one is not None:
            yield one, when
