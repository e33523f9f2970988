# SPDX-License-Identifier: Apache-2.0
"""How many mails people get, and what is in them, over simulated days."""

import hashlib
from dataclasses import dataclass, field, replace

from contracts.fleet import Watched, cameras, packed, unpacked
from fleet_watch.faults import MAILS, Report, compare, mail, missing_since, present

MINUTE = 60_000
START = 1_764_000_000_000
EVERY = 2 * MINUTE
SILENT_AFTER = 3 * MINUTE


@dataclass
class Fleet:
    """Cameras that send telemetry each minute, watched every second minute."""

    members: list[str]
    now: int = START
    rows: dict = field(default_factory=dict)
    report: Report = field(default_factory=lambda: Report(at_ms=START))
    mails: list = field(default_factory=list)
    silent: int = 0

    def run(self, minutes, problem=lambda thing, minute: "", speaks=lambda thing, minute: True):
        for minute in range(minutes):
            for number, thing in enumerate(self.members):
                if speaks(thing, minute):
                    # Cameras do not all send at the same second.
                    received = self.now + number % 60 * 1000
                    row = {"thing": thing, "kind": "telemetry", "received_ms": received}
                    self.rows[thing] = row | {"problem": problem(thing, minute)}
            self.now += MINUTE
            if minute % 2:
                self._watch()

    def _watch(self):
        missing = missing_since(self.members, self.rows, self.report, self.now)
        watched = Watched(now_ms=self.now, silent_after_ms=SILENT_AFTER, missing_since_ms=missing)
        fleet = cameras(self.rows.values(), self.members, watched)
        self.silent = sum(one.silent_since_ms is not None for one in fleet)
        found = compare(self.report, present(fleet, self.now), self.now)
        after, letter = mail(found, place="dev")
        self.report = Report.from_json(
            unpacked(packed(replace(after, missing_since_ms=missing).to_json()))
        )
        if letter:
            self.mails.append((self.now - START, letter))


def named(count):
    return [f"cam-{number}" for number in range(count)]


def test_a_healthy_day_sends_nothing():
    fleet = Fleet(named(5))
    fleet.run(24 * 60)
    assert fleet.mails == []


def test_one_camera_with_a_problem_for_a_day_is_two_mails():
    fleet = Fleet(named(5))
    fleet.run(24 * 60, problem=lambda thing, _: "no model adopted yet" * (thing == "cam-3"))
    [(at, began)] = fleet.mails
    assert at <= 10 * MINUTE
    assert "no model adopted yet on cam-3" in began.text
    fleet.run(30)
    [_, (_, ended)] = fleet.mails
    assert "1 ended" in ended.subject
    assert "no model adopted yet" in ended.text


def test_500_cameras_with_the_same_problem_are_one_mail():
    """Also where the text has the camera's name and a number of its own."""
    fleet = Fleet(named(500))
    fleet.run(4 * 60, problem=lambda thing, _: f"{thing}: model refused after {len(thing)} tries")
    [(_, letter)] = fleet.mails
    assert "500 cameras" in letter.text
    assert len(letter.text) < 2000


def test_a_problem_that_spreads_camera_by_camera_is_one_mail():
    fleet = Fleet(named(500))
    fleet.run(100, problem=lambda thing, minute: "disk full" * (int(thing[4:]) < 10 * minute))
    assert len(fleet.mails) == 1


def test_500_cameras_that_go_dark_together_are_one_mail():
    fleet = Fleet(named(500))
    fleet.run(20)
    fleet.run(30, speaks=lambda *_: False)
    [(at, letter)] = fleet.mails
    assert at - 20 * MINUTE <= 10 * MINUTE
    assert "500 began" in letter.subject
    assert fleet.silent == 500


def test_cameras_that_go_dark_one_after_the_other_are_few_mails():
    fleet = Fleet(named(500))
    fleet.run(20)
    fleet.run(120, speaks=lambda thing, minute: int(thing[4:]) > 5 * minute)
    assert 1 < len(fleet.mails) <= MAILS + 120 // 15 + 1


def test_a_second_silent_camera_is_reported_too_within_ten_minutes():
    fleet = Fleet(named(3))
    fleet.run(20)
    fleet.run(60, speaks=lambda thing, minute: not (
        thing == "cam-0" or (thing == "cam-1" and minute >= 30)
    ))  # fmt: skip
    [(first, _), (second, letter)] = fleet.mails
    assert first <= 30 * MINUTE
    assert second <= (20 + 30 + 10) * MINUTE
    assert "cam-1 is silent" in letter.text
    assert "cam-0" not in letter.text


def test_a_camera_that_comes_back_is_reported_and_its_next_silence_too():
    fleet = Fleet(named(2))
    dark = lambda thing, minute: not (thing == "cam-1" and 10 <= minute < 30)  # noqa: E731
    fleet.run(60, speaks=dark)
    fleet.run(60, speaks=dark)
    said = [letter.subject.partition("problems: ")[2] for _, letter in fleet.mails]
    assert said == ["1 began", "1 ended", "1 began", "1 ended"]


def test_a_camera_that_was_enrolled_and_never_sent_anything_is_silent():
    fleet = Fleet(named(2))
    fleet.run(20, speaks=lambda thing, _: thing == "cam-0")
    [(at, letter)] = fleet.mails
    assert at <= 10 * MINUTE
    assert "cam-1 has never sent anything" in letter.text
    assert fleet.silent == 1


def test_a_problem_that_comes_and_goes_is_one_fault():
    fleet = Fleet(named(2))
    fleet.run(120, problem=lambda thing, minute: "lost the camera" * (minute // 4 % 2))
    assert len(fleet.mails) == 1


def test_what_was_over_before_anybody_heard_of_it_is_not_reported():
    fleet = Fleet(named(1))
    fleet.run(60, problem=lambda thing, minute: "a hiccup" * (minute == 11))
    assert len(fleet.mails) in (0, 2)


def test_what_ended_while_no_mail_was_left_is_still_reported():
    fleet = Fleet(named(10))
    fleet.run(200, problem=lambda thing, minute: f"{'abcdefghij'[int(thing[4:])]} fails" * (
        minute >= 2 * int(thing[4:]) and minute < 60
    ))  # fmt: skip
    ended = "\n".join(letter.text.partition("Ended:")[2] for _, letter in fleet.mails)
    assert [one for one in "abcdefghij" if f"{one} fails" not in ended] == []


def test_the_report_of_a_fleet_that_is_all_dark_fits_a_row():
    """DynamoDB takes 400 KB, SNS 256 KB; things' names have up to 128 characters."""
    names = [hashlib.sha512(str(number).encode()).hexdigest() for number in range(2000)]
    fleet = Fleet(names)
    fleet.run(2)
    fleet.run(10, speaks=lambda *_: False)
    [(_, letter)] = fleet.mails
    assert len(letter.text) < 256_000
    assert len(packed(fleet.report.to_json())) < 390_000
