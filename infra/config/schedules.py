# SPDX-License-Identifier: Apache-2.0
"""Checks EventBridge schedules field by field.

The form is that of the EventBridge user guide, "Cron expressions" and "Rate expressions": six
fields, weekdays numbered from 1 for Sunday, and a question mark in one of the two day fields.
"""

import re
from dataclasses import dataclass

FORM = "cron(<minutes> <hours> <day of month> <month> <day of week> <year>) or rate(<n> <unit>)"

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_LENGTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_UNITS = ("minute", "hour", "day")


@dataclass(frozen=True, kw_only=True)
class _Field:
    """One field: its name, its range, and the names for its numbers from ``low`` on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    more: str = ""
    """A pattern of what the field takes besides numbers, ranges, steps and ``*``."""

    def fault(self, text: str) -> str | None:
        """What is wrong with the field's text."""
        if self.more and re.fullmatch(self.more, text, re.IGNORECASE):
            return None
        if all(self._item(item) for item in text.split(",")):
            return None
        return f"{self.name} {text!r}: {self._allowed()}"

    def _item(self, item: str) -> bool:
        start, slash, step = item.partition("/")
        if slash and not (step.isascii() and step.isdigit() and self._is_step(int(step))):
            return False
        if start == "*":
            return True
        first, dash, last = start.partition("-")
        numbers = [self._number(one) for one in ((first, last) if dash else (first,))]
        if None in numbers:
            return False
        return not dash or numbers[0] <= numbers[1]  # type: ignore[operator]

    def _is_step(self, step: int) -> bool:
        return 1 <= step <= self.high - self.low + (1 if self.low else 0)

    def _number(self, text: str) -> int | None:
        if text.upper() in self.names:
            return self.low + self.names.index(text.upper())
        if not (text.isascii() and text.isdigit()):
            return None
        number = int(text)
        return number if self.low <= number <= self.high else None

    def _allowed(self) -> str:
        names = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"{self.low}-{self.high}{names}, in lists (,), rising ranges (-), steps (/), or *"


_DAY_OF_MONTH = _Field(name="day of month", low=1, high=31, more=r"\?|L|LW|(0?[1-9]|[12]\d|3[01])W")
_DAY_OF_WEEK = _Field(
    name="day of week",
    low=1,
    high=7,
    names=_DAYS,
    more=rf"\?|([1-7]|{'|'.join(_DAYS)})?L|([1-7]|{'|'.join(_DAYS)})#[1-5]",
)
_FIELDS = (
    _Field(name="minutes", low=0, high=59),
    _Field(name="hours", low=0, high=23),
    _DAY_OF_MONTH,
    _Field(name="month", low=1, high=12, names=_MONTHS),
    _DAY_OF_WEEK,
    _Field(name="year", low=1970, high=2199),
)


def fault(schedule: str) -> str | None:
    """What is allowed, if EventBridge would refuse a schedule; otherwise None."""
    if found := re.fullmatch(r"cron\((.*)\)", schedule):
        return _cron(found[1].split(" "))
    if found := re.fullmatch(r"rate\((\S+) (\S+)\)", schedule):
        return _rate(found[1], found[2])
    return FORM


def _cron(fields: list[str]) -> str | None:
    if len(fields) != len(_FIELDS):
        return f"six fields, not {len(fields)}: {FORM}"
    for field, text in zip(_FIELDS, fields, strict=True):
        if wrong := field.fault(text):
            return wrong
    if (fields[2] == "?") == (fields[4] == "?"):
        return "? in one of day of month and day of week, and a value in the other"
    return _never(fields[2], fields[3])


def _never(day: str, month: str) -> str | None:
    """The problem if no selected month has the day, such as 31 in February and April."""
    days, months = day.split(","), month.upper().split(",")
    if not all(one.isdigit() for one in days):
        return None
    numbers = [int(one) if one.isdigit() else _number_of(one) for one in months]
    if None in numbers or min(map(int, days)) <= max(_LENGTHS[one - 1] for one in numbers if one):
        return None
    return f"day of month {day!r} in month {month!r}: a day that one of the months has"


def _number_of(month: str) -> int | None:
    return _MONTHS.index(month) + 1 if month in _MONTHS else None


def _rate(number: str, unit: str) -> str | None:
    if not re.fullmatch(r"[1-9]\d*", number):
        return "rate(<n> <unit>) with n of 1 or more"
    units = _UNITS if number == "1" else tuple(f"{one}s" for one in _UNITS)
    if unit not in units:
        return f"rate({number} <unit>) with {', '.join(units)}"
    return None
