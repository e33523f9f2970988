# SPDX-License-Identifier: Apache-2.0
"""Ask a named question about the fleet: `make ask ENV=prod QUESTION=items DAYS=30`.

Without QUESTION it lists the questions; QUESTION=all asks every one. ``--out`` also writes the
answers as JSON: per question ``rows`` and ``bytes``, or ``error``. Uses the environment's reader
role.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.settings import load
from infra.insights.questions import QUESTIONS, Question
from tools.account import AccountError
from tools.ask_athena import AskError, Insights, Row, ask, reader

ALL = "all"
_BAR = 24
_DAYS = re.compile(r"interval '7' day")
USD_PER_BYTE = 5 / 10**12
"""Athena's price in us-east-1, 2025."""


def main() -> int:
    """Print the answer; 1 if there is none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True, help="a file in environments/")
    parser.add_argument("--question", default="", help="QUESTION=; empty lists them")
    parser.add_argument("--days", type=int, default=7, help="DAYS=: how far back")
    parser.add_argument("--out", type=Path, help="a JSON file for the answers")
    arguments = parser.parse_args()
    if not 1 <= arguments.days <= 3650:
        parser.error(f"DAYS={arguments.days}: allowed: 1 to 3650")
    if not arguments.question:
        for question in sorted(QUESTIONS):
            print(f"{question.name:16} {question.answers}")
        return 0
    try:
        questions = _known(arguments.question)
        insights = reader(load(arguments.environment))
    except (AskError, AccountError, SettingsError, BotoCoreError, ClientError) as error:
        print(f"ask: {error}", file=sys.stderr)
        return 1
    answers = {}
    for question in questions:
        answers[question.name] = answer = _answer(insights, question, arguments.days)
        if "error" in answer:
            print(f"ask: {question.name}: {answer['error']}", file=sys.stderr)
        else:
            print(_text(question, answer, arguments.days))
            if len(questions) > 1:
                print()
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
    return 0 if any("rows" in answer for answer in answers.values()) else 1


def _answer(insights: Insights, question: Question, days: int) -> dict[str, Any]:
    """Rows and bytes, or the error."""
    try:
        rows, size = ask(insights, _DAYS.sub(f"interval '{days}' day", question.sql))
    except (AskError, BotoCoreError, ClientError) as error:
        return {"error": str(error)}
    return {"rows": rows, "bytes": size}


def _text(question: Question, answer: dict[str, Any], days: int) -> str:
    size = answer["bytes"]
    read = f"{size / 10**6:.1f} MB read, about {size * USD_PER_BYTE:.4f} USD (2025)"
    return f"{question.answers} ({days} days)\n\n{drawn(answer['rows'])}\n\n{read}"


def _known(name: str) -> list[Question]:
    """The question of this name, or all; AskError where there is none."""
    if name == ALL:
        return list(QUESTIONS)
    for question in QUESTIONS:
        if question.name == name:
            return [question]
    names = ", ".join(sorted(one.name for one in QUESTIONS))
    raise AskError(f"QUESTION={name!r}: allowed: {ALL}, {names}")


def drawn(rows: list[Row]) -> str:
    """The rows as a table; the last column of numbers gets bars."""
    if not rows:
        return "nothing"
    names = list(rows[0])
    cells = [[row[name] if row[name] is not None else "-" for name in names] for row in rows]
    texts = [[str(cell) for cell in line] for line in cells]
    widths = [max(map(len, column)) for column in zip(names, *texts, strict=True)]
    numbers = _numbers(texts)
    bars = [""] * len(texts)
    if numbers:
        most = max(*numbers, 1e-9)
        bars = ["█" * round(_BAR * max(one, 0) / most) for one in numbers]
    lines = [names, *texts]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        + (f"  {bar}" if bar else "")
        for line, bar in zip(lines, ["", *bars], strict=True)
    )


def _numbers(texts: list[list[str]]) -> list[float]:
    """The values of the last purely numeric column; none if there is none."""
    for column in reversed(list(zip(*texts, strict=True))):
        try:
            return [0.0 if cell == "-" else float(cell) for cell in column]
        except ValueError:
            continue
    return []


if __name__ == "__main__":
    sys.exit(run_command(main))
