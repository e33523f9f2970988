# SPDX-License-Identifier: Apache-2.0
"""What the rehearsal says when the archive is not what its cameras published."""

import json
from collections import Counter
from dataclasses import replace

import pytest

from rehearsal import questions
from rehearsal.questions import NO_ENGINE, Published, compare

CAMERA = "cam-1"


def published(sequences, telemetry=3):
    said = {"reason": "interval", "model": {"version": "1.0"}, "program": "2.0"}
    messages = [("detections", {"sequence": number}) for number in sequences]
    messages += [("telemetry", said)] * telemetry
    messages += [("telemetry", said | {"reason": "command"})]
    sent = [(f"binsight/{CAMERA}/{kind}", json.dumps(one).encode()) for kind, one in messages]
    return Published.of({CAMERA: [*sent, ("$aws/things/cam-1/jobs/1/update", b"\0")]})


ALL = published([4, 5, 6])
ANSWERS = {
    "archive": [
        {"archive": "detections", "messages": "3"},
        {"archive": "telemetry", "messages": "3"},
    ],
    "items_by_camera": [
        {"thing": CAMERA, "bin": "landfill", "items": "1"},
        {"thing": CAMERA, "bin": "compost", "items": "2"},
    ],
    "lost": [{"thing": CAMERA, "missing": "0", "twice": "0"}],
    "models": [{"model_version": "1.0", "cameras": "1"}],
    "programs": [{"program": "2.0", "cameras": "1"}],
}


def test_an_archive_that_agrees_is_not_complained_about():
    assert ALL.telemetry == Counter({CAMERA: 3}), "answers to commands are not archived"
    assert list(compare(ANSWERS, ALL, ALL)) == []
    # One more was sent while the questions were asked: it may be there already, or not yet.
    assert list(compare(ANSWERS, published([4, 5], telemetry=2), ALL)) == []


@pytest.mark.parametrize(
    ("answers", "sent", "said"),
    [
        ({}, published([4, 5, 6, 7]), "3 messages in detections, 4 to 4 were published"),
        ({}, published([4, 5, 6, 7]), "3 items of cam-1, 4 to 4 were published"),
        ({}, published([4, 5, 6, 7], telemetry=4), "3 messages in telemetry, 4 to 4"),
        (
            {"lost": [{"thing": CAMERA, "missing": "0", "twice": "1"}]},
            ALL,
            "cam-1: 0 items missing, 1 twice",
        ),
        ({"lost": []}, ALL, "cam-1: None items missing"),
        ({"models": [{"model_version": "0.9", "cameras": "1"}]}, ALL, "models: {'0.9': 1}"),
        ({"programs": []}, ALL, "programs: {}, published: {'2.0': 1}"),
    ],
)
def test_what_is_lost_double_or_old_is_named(answers, sent, said):
    assert any(fault.startswith(said) for fault in compare(ANSWERS | answers, sent, sent))


def test_numbers_that_the_camera_skipped_are_not_lost():
    """After a restart its sequence goes on later."""
    skipped = published([4, 5, 9])
    gap = {"lost": [{"thing": CAMERA, "missing": "3", "twice": "0"}]}
    assert list(compare(ANSWERS | gap, skipped, skipped)) == []
    sent_again = replace(skipped, detections={CAMERA: Counter({4: 1, 5: 1, 9: 2})})
    assert list(compare(ANSWERS | gap, sent_again, sent_again)) != []


def test_without_duckdb_that_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    said = []
    questions.ask(None, [], tmp_path / "answers.json", said.append)
    assert said == [NO_ENGINE]
