# SPDX-License-Identifier: Apache-2.0
"""Whatever a camera has to say fits what a core takes."""

import json

import pytest

from camera.messaging.publishers import MAXIMUM_BYTES
from camera.messaging.status import Status
from camera.messaging.telemetry_publisher import Teller
from contracts.messages import ModelName
from contracts.telemetry import Answer, Telemetry


@pytest.mark.parametrize("letter", ["x", "é", "\u2028", "\U0001f5d1", '"', "\\"])
@pytest.mark.parametrize("picture", [None, "A" * 4000])
def test_the_largest_telemetry_fits(letter, picture, settings):
    status = Status(thing="t" * 128, source="v4l2:" + letter * 5000)
    for part in range(20):
        status.problem_is(str(part), letter * 4000)
    sent = []

    class Publisher:
        def publish(self, topic, payload):
            sent.append(payload)

    teller = Teller(
        settings,
        publisher=Publisher(),
        changed=status.changed,
        telemetry=lambda reason, answer: status.telemetry(
            reason=reason,
            model=ModelName("0" * 64, "9" * 64),
            dropped=10**12,
            undelivered=10**12,
            answer=answer,
        ),
    )
    answer = Answer(
        command="c" * 32, id=letter * 64, accepted=True, detail=letter * 2000, picture=picture
    )
    teller.tell("command", answer=answer)
    teller.tell("interval")
    assert max(map(len, sent)) <= MAXIMUM_BYTES
    assert [Telemetry.from_json(json.loads(each)).reason for each in sent] == [
        "command",
        "interval",
    ]
