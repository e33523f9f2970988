# SPDX-License-Identifier: Apache-2.0
"""A core enrols over MQTT with mutual TLS, and is refused what its certificates do not allow."""

import queue
import threading
from contextlib import suppress

import pytest

from rehearsal.simulated_core.https import DeviceHttps
from rehearsal.simulated_core.mqtt import Connection, RefusedError

PREFIX = "binsight"
ALIAS, OWN = f"{PREFIX}-cameras", f"{PREFIX}-cam-7"


@pytest.mark.parametrize("nucleus", ["java", "lite"])
def test_both_nuclei_get_a_certificate_of_their_own(endpoint, enrolled, tmp_path, nucleus):
    made = enrolled(tmp_path, f"new-{nucleus}", nucleus)
    assert made.thing == f"{PREFIX}-new-{nucleus}"
    with Connection(endpoint, made.certificate, made.thing) as connection:
        connection.publish(f"binsight/{made.thing}/telemetry", b"{}")


def test_a_camera_speaks_and_listens_as_itself(endpoint, camera):
    with Connection(endpoint, camera.certificate, OWN) as connection:
        connection.subscribe(f"binsight/{OWN}/commands", lambda *_message: None)
        connection.publish(f"binsight/{OWN}/detections", b"{}")


@pytest.mark.parametrize(
    "topic",
    [
        f"binsight/{PREFIX}-cam-8/detections",
        f"binsight/{OWN}/commands",
        f"$aws/things/{PREFIX}-cam-8/shadow/update",
        "elsewhere",
    ],
)
def test_a_camera_publishes_nothing_else(endpoint, camera, topic):
    with Connection(endpoint, camera.certificate, OWN) as connection, pytest.raises(RefusedError):
        connection.publish(topic, b"{}")


@pytest.mark.parametrize(
    "topic_filter", ["#", "binsight/#", f"binsight/{PREFIX}-cam-8/commands", "binsight/+/commands"]
)
def test_a_camera_hears_nobody_else(endpoint, camera, topic_filter):
    with Connection(endpoint, camera.certificate, OWN) as connection, pytest.raises(RefusedError):
        connection.subscribe(topic_filter, lambda *_message: None)


@pytest.mark.parametrize("client_id", [f"{PREFIX}-cam-8", f"{OWN}#2", f"{PREFIX}-claim-7"])
def test_a_camera_connects_under_no_other_name(endpoint, camera, client_id):
    with pytest.raises(RefusedError):
        Connection(endpoint, camera.certificate, client_id).open()


@pytest.mark.parametrize("client_id", [OWN, f"{PREFIX}-cam-8", "anything"])
def test_a_claim_cannot_throw_a_camera_off(endpoint, claim, camera, client_id):
    with pytest.raises(RefusedError):
        Connection(endpoint, claim, client_id).open()


@pytest.mark.parametrize(
    "topic", [f"binsight/{OWN}/detections", "$aws/provisioning-templates/other/provision/json"]
)
def test_a_claim_asks_for_a_certificate_and_nothing_else(endpoint, claim, topic):
    with Connection(endpoint, claim, f"{PREFIX}-claim-9") as asking, pytest.raises(RefusedError):
        asking.publish(topic, b"{}")


def test_a_deactivated_certificate_connects_no_more(endpoint, enrolled, iot, tmp_path):
    made = enrolled(tmp_path, "gone")
    [principal] = iot.list_thing_principals(thingName=made.thing)["principals"]
    iot.update_certificate(certificateId=principal.rpartition("/")[2], newStatus="INACTIVE")
    with pytest.raises(RefusedError):
        Connection(endpoint, made.certificate, made.thing).open()
    with pytest.raises(RefusedError, match="invalid on this endpoint"):
        _ask_for_credentials(endpoint, made.certificate, made.thing)


def _ask_for_credentials(endpoint, certificate, thing, alias=ALIAS):
    path = f"/role-aliases/{alias}/credentials"
    return DeviceHttps(endpoint, certificate).get(path, **{"x-amzn-iot-thingname": thing})


def test_a_camera_gets_credentials_of_its_own_alias_as_itself(endpoint, camera, claim):
    found = _ask_for_credentials(endpoint, camera.certificate, OWN)
    assert found["credentials"]["accessKeyId"].startswith("ASIA")
    with pytest.raises(RefusedError, match="Access Denied"):
        _ask_for_credentials(endpoint, camera.certificate, OWN, "others")
    with pytest.raises(RefusedError, match="Invalid thing name"):
        _ask_for_credentials(endpoint, camera.certificate, f"{PREFIX}-cam-8")
    # A claim has no thing, and its policy names no alias.
    with pytest.raises(RefusedError, match="Access Denied"):
        _ask_for_credentials(endpoint, claim, "")


def test_a_camera_hears_again_after_its_connection_was_lost(client_of, endpoint, camera):
    heard, lost, topic = queue.Queue(), threading.Event(), f"binsight/{OWN}/commands"
    messages = client_of("iot-data")
    with Connection(endpoint, camera.certificate, OWN, lost=lost.set) as connection:
        connection.subscribe(topic, lambda *message: heard.put(message))
        messages.publish(topic=topic, payload=b"one")
        assert heard.get(timeout=30) == (topic, b"one")
        # AWS IoT ends a connection that asks for what its policies do not allow.
        with pytest.raises(RefusedError):
            connection.publish("elsewhere", b"{}")
        assert lost.wait(30)
        for _ in range(120):
            messages.publish(topic=topic, payload=b"two")
            with suppress(queue.Empty):
                assert heard.get(timeout=0.5) == (topic, b"two")
                break
        else:
            raise AssertionError("not heard again within a minute")
