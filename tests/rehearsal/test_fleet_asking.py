# SPDX-License-Identifier: Apache-2.0
"""Answers that differ from what arrived break a bound; what a question costs follows its tables."""

import io

import pytest
from rich.console import Console

from infra.insights.questions import QUESTIONS
from rehearsal.fleet.arrivals import Arrivals
from rehearsal.fleet.asking import Answer, _cost, judge_answers, table
from rehearsal.fleet.findings import Findings

FOUND = Arrivals(
    detections={"a": {1: ["x"], 3: ["y", "y"]}, "b": {7: ["z"]}},
    latest={"a": 3, "b": 7},
    telemetry=5,
    messages={"detections": 4, "telemetry": 5},
)
RIGHT = {
    "archive": [
        {"archive": "detections", "messages": "4"},
        {"archive": "telemetry", "messages": "5"},
    ],
    "items_by_camera": [
        {"thing": "a", "bin": "landfill", "items": "1"},
        {"thing": "a", "bin": "compost", "items": "1"},
        {"thing": "b", "bin": "compost", "items": "1"},
    ],
    "lost": [
        {"thing": "a", "missing": "1", "twice": "1"},
        {"thing": "b", "missing": "0", "twice": "0"},
    ],
    "silent": [{"thing": "gone", "last_seen": "then"}],
    "models": [{"model_version": "2", "cameras": "2"}, {"model_version": "1", "cameras": "1"}],
}


def answer(name, rows):
    return Answer(question=name, answers="", rows=rows, read=1, week=7e6, year=365e6)


def broken(**changed):
    findings = Findings(Console(file=io.StringIO()))
    judge_answers(
        findings,
        [answer(name, rows) for name, rows in {**RIGHT, **changed}.items()],
        FOUND,
        versions={"a": "2", "b": "2"},
        ours=lambda _thing: True,
    )
    return [one.name.partition(":")[0].removeprefix("question ") for one in findings.broken]


def test_answers_that_say_what_arrived_keep_every_bound():
    assert broken() == []


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("archive", [{**RIGHT["archive"][0], "messages": "3"}, RIGHT["archive"][1]]),
        ("items_by_camera", RIGHT["items_by_camera"][1:]),
        ("lost", [{**RIGHT["lost"][0], "twice": "0"}, RIGHT["lost"][1]]),
        ("lost", RIGHT["lost"][1:]),
        ("silent", [{"thing": "b", "last_seen": "then"}]),
        ("models", [{"model_version": "2", "cameras": "1"}]),
    ],
)
def test_an_answer_that_differs_is_named(name, rows):
    assert broken(**{name: rows}) == [name]


def test_a_question_reads_its_tables_for_as_many_days_as_it_asks_for():
    stored = {"telemetry": 100.0, "detections": 10.0}
    costs = {one.name: _cost(one, stored, 7) for one in QUESTIONS}
    assert costs["speed"] == 2000 * 7 * 100
    assert costs["items"] == 2000 * 7 * 10
    assert costs["today"] == 2000 * 10
    assert costs["archive"] == 2000 * 7 * 110


def test_the_table_has_a_line_for_each_question_and_says_where_there_is_no_answer():
    lines = table([answer("items", []), answer("lost", RIGHT["lost"])]).splitlines()
    assert "| nothing | 7 MB, 0.0000 USD | 365 MB, 0.0018 USD |" in lines[2]
    assert "| thing a, missing 1, twice 1 |" in lines[3]
