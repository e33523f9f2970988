# SPDX-License-Identifier: Apache-2.0
"""Commands through the core and through the handler, and their answers in telemetry."""

import base64
import inspect
import json
import threading
from types import SimpleNamespace

import pytest
import simplejpeg

from camera.backoff import Backoff
from camera.messaging.publishers import MAXIMUM_BYTES
from camera.messaging.subscribers import GreengrassSubscriber, SubscriberError
from contracts.telemetry import Telemetry
from tests.camera import tiny
from tests.camera.conftest import running, show, wait_for
from tests.camera.test_program import install


class FakeCore:
    """The calls of GreengrassCoreIPCClientV2 that a subscriber makes."""

    def __init__(self, error=None):
        self.error, self.topic, self.closed = error, None, False

    def subscribe_to_iot_core(
        self, *, topic_name, qos, on_stream_event, on_stream_error, on_stream_closed
    ):
        if self.error:
            raise self.error
        self.event, self.fail, self.end = on_stream_event, on_stream_error, on_stream_closed
        self.topic = topic_name
        return None, SimpleNamespace(close=on_stream_closed)

    def send(self, payload):
        self.event(SimpleNamespace(message=SimpleNamespace(payload=payload)))

    def close(self, *, executor_wait):
        self.closed = not executor_wait


def answers(publisher):
    return [message["answer"] for message in publisher.of("telemetry") if "answer" in message]


@pytest.fixture
def camera(settings, publisher, models, lens):
    """A running camera with a model and a core that sends it commands."""
    install(settings, *models["good"])
    core = FakeCore()
    with running(
        settings, publisher, subscriber=GreengrassSubscriber(connect=lambda: core)
    ) as program:
        wait_for(lambda: core.topic)
        yield SimpleNamespace(core=core, program=program, publisher=publisher, lens=lens)


def test_pause_and_resume_arrive_through_the_core(camera):
    assert camera.core.topic == "binsight-test/cam-1/commands"
    camera.core.send(b'{"command":"pause","id":"a"}')
    wait_for(lambda: camera.publisher.state.get("source_state") == "paused")
    camera.core.send(b'{"command":"resume"}')
    wait_for(lambda: camera.publisher.state.get("source_state") == "streaming")
    first, second = answers(camera.publisher)
    assert (first["command"], first["id"], first["accepted"]) == ("pause", "a", True)
    assert (second["command"], "id" in second) == ("resume", False)
    told = [m for m in camera.publisher.of("telemetry") if "answer" in m]
    assert Telemetry.from_json(told[0]).answer.id == "a"
    assert {message["reason"] for message in told} == {"command"}


def test_a_command_that_is_delivered_twice_is_carried_out_once(camera):
    for _ in range(3):
        camera.core.send(b'{"command":"pause","id":"same"}')
    assert len(answers(camera.publisher)) == 1


def test_a_picture_is_kept_and_a_small_copy_fits_the_answer(camera):
    photo = tiny.photo("glass", width=1280, height=720)
    show(camera.lens, "1.jpg", photo)
    wait_for(lambda: camera.publisher.of("detections"))
    show(camera.lens, "2.jpg", photo)
    for _ in range(25):
        camera.core.send(b'{"command":"picture"}')
    answer = answers(camera.publisher)[-1]
    assert answer["accepted"]
    height, width, *_ = simplejpeg.decode_jpeg_header(base64.b64decode(answer["picture"]))
    assert 20 <= height < 200
    assert abs(width / height - 16 / 9) < 0.2 or width / height == pytest.approx(4 / 3, abs=0.2)
    kept = sorted((camera.program._settings.model_folder / "pictures").iterdir())
    assert len(kept) == 20
    largest = max(len(json.dumps(m)) for m in camera.publisher.of("telemetry"))
    assert largest < MAXIMUM_BYTES


def test_a_threshold_decides_the_next_items_bin(camera):
    show(camera.lens, "1.jpg", tiny.photo("glass"))
    wait_for(lambda: len(camera.publisher.of("detections")) == 1)
    camera.core.send(b'{"command":"threshold","value":1}')
    show(camera.lens, "2.jpg", tiny.photo("glass"))
    wait_for(lambda: len(camera.publisher.of("detections")) == 2)
    assert [m["bin"] for m in camera.publisher.of("detections")] == ["recycling", "landfill"]


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"not json", "allowed are pause, resume, report, picture, threshold, identify"),
        (b"[1]", "allowed are pause"),
        (b'{"command":"dance"}', "command 'dance': allowed are pause"),
        (b'{"command":"threshold","value":"high"}', "value = 'high': allowed are 0 to 1"),
        (b'{"command":"threshold","value":1.5}', "allowed are 0 to 1"),
        (b'{"command":"threshold","value":true}', "allowed are 0 to 1"),
        (b'{"command":"threshold","value":NaN}', "allowed are 0 to 1"),
        (b"\xff\xfe" + b"x" * 9000, "allowed are"),
    ],
)
def test_a_wrong_command_is_refused_with_what_is_allowed(camera, payload, said):
    camera.core.send(payload)
    (answer,) = answers(camera.publisher)
    assert not answer["accepted"]
    assert said in answer["detail"]


def test_identify_frames_the_picture_for_a_while(camera):
    camera.core.send(b'{"command":"identify"}')
    assert answers(camera.publisher)[0]["accepted"]
    assert camera.program.project.identifying


def test_a_lost_subscription_is_begun_again(settings, publisher, lens, monkeypatch):
    monkeypatch.setattr("camera.supervision.Backoff", lambda **_: Backoff(first=0.01, longest=30))
    broken, refused, good = FakeCore(), FakeCore(RuntimeError("not authorized")), FakeCore()
    cores = [broken, refused, good]
    subscriber = GreengrassSubscriber(connect=lambda: cores.pop(0))
    with running(settings, publisher, subscriber=subscriber) as program:
        wait_for(lambda: broken.topic)
        broken.fail(ConnectionError("socket closed"))
        wait_for(lambda: good.topic)
        good.send(b'{"command":"pause"}')
        assert program.loop.paused.is_set()
        wait_for(lambda: "commands" not in str(program.live().problem))
    assert broken.closed
    assert refused.closed
    assert good.closed


def test_why_commands_cannot_be_heard_is_named():
    core = FakeCore(RuntimeError("not authorized"))
    with pytest.raises(SubscriberError, match="a/commands: RuntimeError: not authorized"):
        GreengrassSubscriber(connect=lambda: core).run(
            "a/commands", print, print, threading.Event()
        )


def test_the_fake_core_has_the_sdk_s_signature():
    client = pytest.importorskip("awsiot.greengrasscoreipc.clientv2").GreengrassCoreIPCClientV2
    taken = inspect.signature(client.subscribe_to_iot_core).parameters
    ours = set(inspect.signature(FakeCore().subscribe_to_iot_core).parameters)
    assert ours <= set(taken)
