# SPDX-License-Identifier: Apache-2.0
"""A core asks to be registered again where the hook did not answer, and only then."""

import pytest

from rehearsal.simulated_core import enrol
from rehearsal.simulated_core.mqtt import RejectedError

LATE = '{"statusCode": 400, "errorCode": "InvocationError"}'


class Connection:
    """Rejects as often as told, then registers."""

    def __init__(self, *rejections):
        self.rejections, self.asked = list(rejections), []

    def ask(self, topic, request):
        self.asked.append((topic, request))
        if self.rejections:
            raise RejectedError(self.rejections.pop(0))
        return {"thingName": "cam-1"}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


def test_a_late_hook_is_asked_again_with_the_same_certificate():
    connection = Connection(LATE, LATE)
    request = {"certificateOwnershipToken": "token", "parameters": {"SerialNumber": "1"}}
    assert enrol._register(connection, "template", request) == {"thingName": "cam-1"}
    topic = "$aws/provisioning-templates/template/provision/json"
    assert connection.asked == [(topic, request)] * 3


@pytest.mark.parametrize(
    ("rejections", "tries"), [((LATE, LATE, LATE), 3), (('{"errorCode": "AccessDenied"}',), 1)]
)
def test_what_stays_rejected_is_raised(rejections, tries):
    connection = Connection(*rejections)
    with pytest.raises(RejectedError):
        enrol._register(connection, "template", {})
    assert len(connection.asked) == tries
