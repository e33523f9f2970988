# SPDX-License-Identifier: Apache-2.0
"""The named queries, asked about what Firehose wrote, compared with what the cameras published."""

import importlib.util
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.commands import Operator
from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.device import CoreDevice

PATIENCE_SECONDS = 20
NO_ENGINE = "no question was asked: duckdb, which answers Athena's queries, is not installed"
_NEWEST: tuple[tuple[str, str, Callable[[Mapping[str, Any]], str | None]], ...] = (
    ("models", "model_version", lambda said: (said.get("model") or {}).get("version")),
    ("programs", "program", lambda said: said.get("program")),
)
"""Questions that count cameras by a column, and where a message of telemetry has its value."""
Rows = Sequence[Mapping[str, str | None]]


@dataclass(frozen=True, kw_only=True)
class Published:
    """What cameras published until now, each message acknowledged by AWS IoT."""

    detections: Mapping[str, Counter[int]]
    """Per camera, how often each sequence was sent."""
    telemetry: Counter[str]
    """Per camera, messages that are archived: not the answers to commands."""
    last: Mapping[str, Mapping[str, Any]]
    """The last telemetry of each camera."""

    @classmethod
    def of(cls, sent: Mapping[str, Sequence[tuple[str, bytes]]]) -> "Published":
        """Of topics and payloads, by camera."""
        detections: dict[str, Counter[int]] = {}
        telemetry: Counter[str] = Counter()
        last = {}
        for thing, messages in sent.items():
            for topic, payload in messages:
                kind = topic.rsplit("/", 1)[-1]
                message = json.loads(payload) if kind in ("detections", "telemetry") else {}
                if kind == "detections":
                    counted = detections.setdefault(thing, Counter())
                    counted[message["sequence"]] += 1
                elif kind == "telemetry":
                    telemetry[thing] += message["reason"] != "command"
                    last[thing] = message
        return cls(detections=detections, telemetry=telemetry, last=last)


def ask(
    operator: Operator, cameras: Sequence[CoreDevice], out: Path, news: Callable[[str], None]
) -> None:
    """Ask every question and compare the answers; Raises RehearsalError naming differences.

    It waits for messages that have not arrived yet. Without DuckDB no question is asked; queries
    that only Athena supports are named.
    """
    if importlib.util.find_spec("duckdb") is None:
        news(NO_ENGINE)
        return
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        before = Published.of(_sent(cameras))
        operator.run("tools.ask", "--question", "all", "--out", str(out))
        answers = json.loads(out.read_text(encoding="utf-8"))
        found = {name: answer["rows"] for name, answer in answers.items() if "rows" in answer}
        faults = list(compare(found, before, Published.of(_sent(cameras))))
        if not faults:
            break
        if time.monotonic() > deadline:
            raise RehearsalError(f"the archive is not what was published: {'; '.join(faults)}")
    for name in answers.keys() - found.keys():
        news(f"only Athena understands the query {name}: {answers[name]['error']}")
    items = sum(map(len, before.detections.values()))
    news(
        f"{len(found)} of {len(answers)} questions answered; {items} items and "
        f"{before.telemetry.total()} telemetry messages published: none lost, none twice"
    )


def _sent(cameras: Iterable[CoreDevice]) -> dict[str, list[tuple[str, bytes]]]:
    """What cameras published over their own connections."""
    return {one.thing: list(one.connection.sent) for one in cameras if one.connection is not None}


def compare(answers: Mapping[str, Rows], before: Published, after: Published) -> Iterator[str]:
    """Differences in the answers, which were given between ``before`` and ``after``."""
    archived = {row["archive"]: _number(row["messages"]) for row in answers["archive"]}
    for name, least, most in (
        ("detections", _messages(before), _messages(after)),
        ("telemetry", before.telemetry.total(), after.telemetry.total()),
    ):
        if not least <= archived[name] <= most:
            yield f"{archived[name]} messages in {name}, {least} to {most} were published"
    items: Counter[str] = Counter()
    for row in answers["items_by_camera"]:
        items[str(row["thing"])] += _number(row["items"])
    gaps = {row["thing"]: row for row in answers["lost"]}
    for thing, sequences in after.detections.items():
        least = len(before.detections.get(thing, ()))
        if not least <= items[thing] <= len(sequences):
            yield f"{items[thing]} items of {thing}, {least} to {len(sequences)} were published"
        row = gaps.get(thing, {"missing": None, "twice": None})
        expected = {_gaps(one.detections.get(thing, Counter())) for one in (before, after)}
        if (_number(row["missing"]), _number(row["twice"])) not in expected:
            yield f"{thing}: {row['missing']} items missing, {row['twice']} twice"
    yield from _newest(answers, before, after)


def _newest(answers: Mapping[str, Rows], before: Published, after: Published) -> Iterator[str]:
    """Questions about the newest telemetry of each camera."""
    for question, column, value in _NEWEST:
        counted = Counter({row[column]: _number(row["cameras"]) for row in answers[question]})
        expected = [Counter(map(value, when.last.values())) for when in (before, after)]
        if counted not in expected:
            yield f"{question}: {dict(counted)}, published: {dict(expected[-1])}"


def _messages(published: Published) -> int:
    return sum(counted.total() for counted in published.detections.values())


def _gaps(sequences: Counter[int]) -> tuple[int, int]:
    """How many numbers are missing between the first and the last, and how many came again."""
    if not sequences:
        return 0, 0
    missing = max(sequences) - min(sequences) + 1 - len(sequences)
    return missing, sequences.total() - len(sequences)


def _number(text: str | None) -> int:
    return int(float(text or -1))
