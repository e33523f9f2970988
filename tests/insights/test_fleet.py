# SPDX-License-Identifier: Apache-2.0
"""What `make fleet` and `make ask` show, for two thousand cameras."""

import time
from html.parser import HTMLParser

import pytest

from contracts.fleet import Watched, cameras
from infra.config.settings import load
from tools import fleet_state
from tools.ask import drawn
from tools.ask_athena import AskError, Insights
from tools.fleet_page import page
from tools.fleet_state import Fleet
from tools.fleet_table import STATES, ordered, state_of, table

NOW = 1_764_000_000_000
MINUTE = 60_000
CAMERAS = 2000
HOSTILE = "<script>alert(1)</script>"


def rows():
    for number in range(1, CAMERAS):  # camera 0 never sent anything
        thing = f"cam-{number:04}-main-street"
        row = {"thing": thing, "kind": "telemetry", "received_ms": NOW - number % 50 * 1000}
        row |= {"model": {"version": "1.0.172839"}, "program": "2.0.33", "drift": 0.12}
        row |= {"site": f"site-{number % 40}"}
        if number % 100 == 1:
            row["received_ms"] = NOW - 90 * MINUTE
        if number % 100 == 2:
            row["problem"] = f"disk full {HOSTILE}"
        yield row
        if number % 100 == 3:
            failed = {"status": "FAILED", "reason": "exit code 1", "received_ms": NOW}
            yield {"thing": thing, "kind": "deployment:d-2", **failed}


@pytest.fixture(scope="module")
def fleet():
    members = [f"cam-{number:04}-main-street" for number in range(CAMERAS)]
    watched = Watched(
        now_ms=NOW,
        silent_after_ms=3 * MINUTE,
        deployment="d-2",
        missing_since_ms={members[0]: NOW - 10 * MINUTE},
    )
    found = cameras(rows(), members, watched)
    today = {one.thing: {"thing": one.thing, "items": "61", "unsure": "0.05"} for one in found}
    return Fleet(
        environment="prod",
        at_ms=NOW,
        cameras=found,
        today=today,
        quality=[{"date": "2026-11-20", "model_version": "1.0.172839", "confidence": "0.91"}],
        spent_usd=412.5,
        budget_usd=1500,
    )


class Page(HTMLParser):
    """Counts elements and notes what a page would load or run."""

    def __init__(self):
        super().__init__()
        self.tags, self.loads, self.unlabelled = {}, [], []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.loads += [value for key, value in attrs if key in ("src", "href")]
        if tag == "th" and "scope" not in dict(attrs):
            self.unlabelled.append(tag)


def test_two_thousand_cameras_are_shown_at_once(fleet):
    started = time.monotonic()
    html, text = page(fleet), table(fleet)
    assert time.monotonic() - started < 5
    assert len(html.encode()) < 1_000_000
    found = Page()
    found.feed(html)
    assert found.tags["tr"] > CAMERAS
    assert (found.loads, found.unlabelled) == ([], [])
    assert found.tags["script"] == 1, "what a camera says is text"
    assert HOSTILE not in html
    assert text.count("\n") > CAMERAS


def test_those_that_need_somebody_come_first(fleet):
    states = [state_of(one) for one in ordered(fleet)]
    assert states == sorted(states, key=STATES.index)
    assert states.count("silent") == 21
    assert states.count("problem") == 20
    assert states.count("refused") == 20
    assert "never" in table(fleet)
    assert "412.50 USD of 1,500 USD" in table(fleet)


def test_an_answer_has_bars():
    rows = [{"bin": "compost", "items": "10"}, {"bin": "landfill", "items": "5"}]
    lines = drawn(rows).splitlines()
    assert lines[1].endswith("█" * 24)
    assert lines[2].count("█") == 12
    assert drawn([]) == "nothing"
    assert drawn([{"thing": "a"}]).splitlines() == ["thing", "a"]


def test_a_refusal_of_the_account_is_said_once(monkeypatch):
    refused = "AccessDeniedException: not authorized to perform: athena:StartQueryExecution"

    def refuse(_insights, sql):
        raise AskError("the query is wrong" if "confidence" in sql else refused)

    monkeypatch.setattr(fleet_state, "ask", refuse)
    monkeypatch.setattr(fleet_state, "read_cameras", lambda *_: [])
    settings = load("dev")
    found = fleet_state.read(Insights(settings=settings, session=None, outputs={}), "dev")
    assert len(found.notes) == 2
    assert sum(refused in note for note in found.notes) == 1
    assert any(note.startswith("Athena did not answer the queries today, ") for note in found.notes)
