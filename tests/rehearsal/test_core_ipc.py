# SPDX-License-Identifier: Apache-2.0
"""The simulated core's IPC, spoken to by the SDK that components ship."""

import threading
from typing import Any

import pytest
from awsiot.eventstreamrpc import AccessDeniedError, ConnectionClosedError, StreamClosedError
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from awsiot.greengrasscoreipc.model import ServiceError, UnauthorizedError

from camera.messaging.publishers import GreengrassPublisher, PublishError
from camera.messaging.subscribers import GreengrassSubscriber
from contracts.inference_recipe import access_control
from contracts.topics import Topics
from rehearsal.simulated_core.ipc import Client, Ipc

TOPICS = Topics("binsight-dev")
CONFIGURATION = {
    "BINSIGHT_TOPIC_PREFIX": "binsight-dev",
    "accessControl": access_control("x.Inference", TOPICS),
}


@pytest.fixture
def core(monkeypatch):
    """A core whose one component is this process; ``sent`` is what it published."""
    sent = []
    ipc: Any = Ipc(publish=lambda topic, payload: sent.append((topic, payload)))
    ipc.sent = sent
    ipc.start()
    client = Client(name="x.Inference", configuration=CONFIGURATION, thing="cam-1")
    for name, value in ipc.admit(client).items():
        monkeypatch.setenv(name, value)
    yield ipc
    ipc.stop()


@pytest.fixture
def sdk(core):
    client = GreengrassCoreIPCClientV2()
    yield client
    client.close()


def test_a_component_reads_its_configuration(sdk):
    answer = sdk.get_configuration(key_path=[])
    assert answer.value == CONFIGURATION
    assert answer.component_name == "x.Inference"


def test_the_camera_s_publisher_sends_to_its_own_topics_only(core):
    publisher = GreengrassPublisher()
    publisher.publish(TOPICS.detections("cam-1"), b'{"sequence": 1}')
    assert core.sent == [("binsight-dev/cam-1/detections", b'{"sequence": 1}')]
    with pytest.raises(PublishError, match="UnauthorizedError"):
        publisher.publish(TOPICS.detections("cam-2"), b"{}")
    assert core.faults == ["x.Inference may not PublishToIoTCore on binsight-dev/cam-2/detections"]
    # An error does not end it: the next message takes a new connection.
    publisher.publish(TOPICS.telemetry("cam-1"), b"x" * 7000)
    assert len(core.sent) == 2


def test_a_message_that_is_too_long_costs_the_connection(core, sdk):
    with pytest.raises((ConnectionClosedError, StreamClosedError)):
        sdk.publish_to_iot_core(topic_name=TOPICS.telemetry("cam-1"), qos="1", payload=b"x" * 9000)
    assert "a core takes 10000" in core.faults[0]


def test_commands_reach_the_camera_s_listener(core):
    heard, ready, stop = [], threading.Event(), threading.Event()
    arrived = threading.Event()

    def take(payload):
        heard.append(payload)
        arrived.set()

    topic = TOPICS.commands("cam-1")
    thread = threading.Thread(
        target=GreengrassSubscriber().run, args=(topic, take, ready.set, stop), daemon=True
    )
    thread.start()
    assert ready.wait(10)
    core.deliver(topic, b'{"command": "pause"}')
    assert arrived.wait(10)
    stop.set()
    thread.join(10)
    assert heard == [b'{"command": "pause"}']


def test_an_ordinary_stop_of_the_listener_logs_nothing(core, caplog, monkeypatch):
    """NL-D6: a client that is closed before its stream logs an error with a traceback."""
    uncaught = []
    monkeypatch.setattr(threading, "excepthook", uncaught.append)
    topic = TOPICS.commands("cam-1")
    for _ in range(3):
        ready, stop = threading.Event(), threading.Event()
        arguments = (topic, lambda _: None, ready.set, stop)
        thread = threading.Thread(target=GreengrassSubscriber().run, args=arguments, daemon=True)
        thread.start()
        assert ready.wait(10)
        stop.set()
        thread.join(10)
        assert not thread.is_alive()
    assert caplog.records == []
    assert uncaught == []


def test_what_nucleus_lite_does_not_offer_is_an_error(sdk):
    with pytest.raises(ServiceError) as error:
        sdk.list_components()
    assert error.value.message == "ListComponents is not offered"


def test_who_has_no_token_gets_no_connection(core, monkeypatch):
    monkeypatch.setenv("SVCUID", "guessed")
    with pytest.raises(AccessDeniedError):
        GreengrassCoreIPCClientV2()


def test_subscribing_to_another_camera_is_refused(core, sdk):
    with pytest.raises(UnauthorizedError):
        sdk.subscribe_to_iot_core(
            topic_name=TOPICS.commands("cam-2"), qos="1", on_stream_event=print
        )
