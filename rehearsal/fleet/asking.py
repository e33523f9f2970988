# SPDX-License-Identifier: Apache-2.0
"""Every named question, asked as the reader's role: what it answers after simulated days, whether
that is what arrived, and what it would cost for a large fleet and a year."""

import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.insights.questions import QUESTIONS, Question
from rehearsal.commands import Operator
from rehearsal.fleet.arrivals import Arrivals
from rehearsal.fleet.findings import Findings
from tools.ask import USD_PER_BYTE

ASK_SECONDS = 900
MANY_CAMERAS, YEAR_DAYS, WEEK_DAYS = 2000, 365, 7
Rows = Sequence[Mapping[str, str | None]]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One question's answer. ``read``: bytes read here; ``week`` and ``year``: those that Athena
    would read for MANY_CAMERAS over the last week, or a year."""

    question: str
    answers: str
    rows: Rows
    read: int
    week: float
    year: float

    @property
    def first(self) -> str:
        """The first row in words."""
        if not self.rows:
            return "nothing"
        return ", ".join(f"{key} {value}" for key, value in self.rows[0].items())

    def line(self) -> str:
        """A row of the table in docs/figures.md."""
        week, year = (
            f"{size / 1e6:,.0f} MB, {size * USD_PER_BYTE:.4f} USD"
            for size in (self.week, self.year)
        )
        cells = (self.answers, f"`make ask QUESTION={self.question}`", self.first, week, year)
        return f"| {' | '.join(cells)} |"


def table(answers: Sequence[Answer]) -> str:
    """The answers as a Markdown table."""
    head = (
        f"| question | command | first row | {MANY_CAMERAS:,} cameras, {WEEK_DAYS} days | "
        "a year |\n|---|---|---|---|---|"
    )
    return "\n".join([head, *(one.line() for one in answers)])


def ask_all(
    operator: Operator, out: Path, *, per_camera_day: Mapping[str, float]
) -> tuple[list[Answer], dict[str, str]]:
    """Ask every question; the answers, and the errors of those without one.

    ``per_camera_day``: bytes that a camera adds to each table of the archive in a day.
    """
    operator.run("tools.ask", "--question", "all", "--out", str(out), seconds=ASK_SECONDS)
    said = json.loads(out.read_text(encoding="utf-8"))
    answers = []
    for question in QUESTIONS:
        one = said[question.name]
        if "rows" not in one:
            continue
        week, year = (_cost(question, per_camera_day, days) for days in (WEEK_DAYS, YEAR_DAYS))
        answers.append(
            Answer(
                question=question.name,
                answers=question.answers,
                rows=one["rows"],
                read=one["bytes"],
                week=week,
                year=year,
            )
        )
    return answers, {name: one["error"] for name, one in said.items() if "error" in one}


def _cost(question: Question, per_camera_day: Mapping[str, float], days: int) -> float:
    """Bytes of the partitions that the question names."""
    day = sum(size for name, size in per_camera_day.items() if f"FROM {name}" in question.sql)
    return MANY_CAMERAS * day * (1 if question.name == "today" else days)


def judge_answers(
    findings: Findings,
    answers: Sequence[Answer],
    found: Arrivals,
    *,
    versions: Mapping[str, str],
    ours: Callable[[str], bool],
) -> None:
    """Compare answers with what arrived, which was compared with what was sent.

    ``versions``: the model of each camera in service, by thing.
    """
    rows = {one.question: one.rows for one in answers}
    archived = {str(row["archive"]): _number(row["messages"]) for row in rows["archive"]}
    findings.add(
        "question archive: messages",
        ", ".join(f"{number} {name}" for name, number in archived.items()),
        bound=", ".join(f"{number} {name}" for name, number in sorted(found.messages.items())),
        kept=archived == dict(found.messages),
    )
    items: Counter[str] = Counter()
    for row in rows["items_by_camera"]:
        items[str(row["thing"])] += _number(row["items"])
    arrived = {thing: len(numbers) for thing, numbers in found.detections.items()}
    wrong = {thing for thing in arrived if items[thing] != arrived[thing]}
    findings.add(
        "question items_by_camera: cameras with the number of items that arrived",
        len(arrived) - len(wrong),
        bound=f"all {len(arrived)}",
        kept=not wrong,
    )
    gaps = {str(row["thing"]): row for row in rows["lost"]}
    wrong = {
        thing
        for thing, numbers in found.detections.items()
        if thing not in gaps
        or (_number(gaps[thing]["missing"]), _number(gaps[thing]["twice"])) != _gaps(numbers)
    }
    findings.add(
        "question lost: cameras with the numbers missing and twice that arrived so",
        len(found.detections) - len(wrong),
        bound=f"all {len(found.detections)}",
        kept=not wrong,
    )
    silent = {str(row["thing"]) for row in rows["silent"] if ours(str(row["thing"]))}
    findings.add(
        "question silent: cameras in service among the silent",
        len(silent & versions.keys()),
        bound=f"0 of {len(silent)}",
        kept=not silent & versions.keys(),
    )
    counted = {str(row["model_version"]): _number(row["cameras"]) for row in rows["models"]}
    expected = Counter(versions.values())
    findings.add(
        "question models: cameras with the newest models",
        ", ".join(f"{counted.get(name, 0)} with {name}" for name in expected),
        bound=", ".join(f"{number} with {name}" for name, number in expected.items()),
        kept=all(counted.get(name, 0) >= number for name, number in expected.items()),
    )


def judge_page(
    findings: Findings, operator: Operator, page: Path, things: Collection[str]
) -> list[str]:
    """Run the command of ``make fleet``: every camera in service must be on the page."""
    started = time.monotonic()
    lines = operator.run("tools.fleet", "--out", str(page), seconds=ASK_SECONDS)
    seconds = time.monotonic() - started
    text = page.read_text(encoding="utf-8")
    shown = sum(thing in text for thing in things)
    findings.add(
        "`make fleet`: cameras in service on the page",
        f"{shown} in {seconds:.1f} s",
        bound=f"all {len(things)}",
        kept=shown == len(things),
    )
    return lines


def _gaps(numbers: Mapping[int, Sequence[str]]) -> tuple[int, int]:
    missing = max(numbers) - min(numbers) + 1 - len(numbers)
    return missing, sum(len(copies) - 1 for copies in numbers.values())


def _number(text: str | None) -> int:
    return int(float(text or -1))
