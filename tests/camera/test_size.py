# SPDX-License-Identifier: Apache-2.0
"""Whatever a camera has to say fits what a core takes."""

import json

import pytest

from camera.messaging.publishers import MAXIMUM_BYTES
from camera.messaging.status import Status
from camera.messaging.telemetry_publisher import TelemetryPublisher
from contracts.messages import ModelName
from contracts.telemetry import Answer, Telemetry


@pytest.mark.parametrize("letter", ["x", "é", "\u2028", "\U0001f5d1", '"', "\\"])
@pytest.mark.parametrize("picture", [None, "A" * 4000])
def test_the_largest_telemetry_fits(letter, picture, settings):
    status = Status(thing="t" * 128, source="v4l2:" + letter * 5000)
    for part in range(20):
        status.set_problem(str(part), letter * 4000)
    sent = []

    class Publisher:
        def publish(self, topic, payload):
            sent.append(payload)

    telemetry_publisher = TelemetryPublisher(
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
    telemetry_publisher.send("command", answer=answer)
    telemetry_publisher.send("interval")
    assert max(map(len, sent)) <= MAXIMUM_BYTES
    assert [Telemetry.from_json(json.loads(each)).reason for each in sent] == [
        "command",
        "interval",
    ]
