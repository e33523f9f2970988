# SPDX-License-Identifier: Apache-2.0
"""Messages on their way out, with real HTTP and with a core that comes and goes."""

import inspect
import json
import threading
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from camera.backoff import Backoff
from camera.messaging import outbox as outbox_module
from camera.messaging.outbox import Outbox
from camera.messaging.publishers import (
    GreengrassPublisher,
    HttpsPublisher,
    PublishError,
    open_publisher,
)
from camera.messaging.sequence import Sequence
from camera.messaging.sqlite_queue import Message
from tests.camera.conftest import wait_for


@pytest.fixture
def broker():
    """AWS IoT's HTTPS endpoint: ``answers`` are given in turn, then 200. Keeps what it accepted."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = server.answers.pop(0) if server.answers else 200
            server.attempts += 1
            if status is None:
                self.connection.close()
                return
            if status == 200:
                server.accepted.append((self.path, json.loads(body)))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"message":"as told"}')

        def log_message(self, *_):
            pass

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answers, server.accepted, server.attempts = [], [], 0
    server.endpoint = f"https:http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def sending(monkeypatch, tmp_path):
    """Start outboxes that retry fast; end them with the test."""
    monkeypatch.setattr(
        outbox_module, "Backoff", lambda **_: Backoff(first=0.01, longest=0.05, spread=True)
    )
    stop = threading.Event()
    threads = []

    def start(publisher, **changed):
        outbox = Outbox(
            publisher,
            **{
                "topic": "binsight/cam/detections",
                "path": tmp_path / "queue",
                "size": 100,
                **changed,
            },
        )
        for target in (outbox.run, outbox.run_disk):
            thread = threading.Thread(target=target, args=(stop,), daemon=True)
            thread.start()
            threads.append(thread)
        return outbox

    yield start
    stop.set()
    for thread in threads:
        thread.join(timeout=5)


def message(number):
    return Message(number, json.dumps({"sequence": number}).encode())


def test_detections_survive_a_broker_that_fails_and_arrive_in_order(broker, sending):
    broker.answers = [500, None, 403, 429, 200, 503]
    outbox = sending(open_publisher(broker.endpoint))
    for number in range(20):
        outbox.put(message(number))
    assert outbox.drain(timeout=10)
    assert broker.accepted == [
        ("/topics/binsight/cam/detections?qos=1", {"sequence": number}) for number in range(20)
    ]
    assert broker.attempts == 25
    assert outbox.undelivered == 0
    wait_for(lambda: outbox.problem is None)


def test_while_the_broker_is_away_the_newest_are_kept_and_the_lost_are_counted(broker, sending):
    broker.answers = [503] * 10_000
    outbox = sending(open_publisher(broker.endpoint), size=5)
    for number in range(12):
        outbox.put(message(number))
    assert outbox.undelivered == 12
    assert "HTTP 503" in wait_for(lambda: outbox.problem)
    broker.answers = []
    assert outbox.drain(timeout=10)
    assert [body["sequence"] for _, body in broker.accepted] == [7, 8, 9, 10, 11]
    assert outbox.undelivered == 7


def test_no_endpoint_is_a_publish_error_not_a_crash():
    with pytest.raises(PublishError, match=r"127\.0\.0\.1:9"):
        HttpsPublisher("http://127.0.0.1:9").publish("t", b"{}")


class FakeCore:
    """The calls of GreengrassCoreIPCClientV2 that the publisher makes."""

    def __init__(self, error=None):
        self.error, self.published, self.closed = error, [], False

    def publish_to_iot_core_async(self, *, topic_name, qos, payload):
        future = Future()
        if self.error:
            future.set_exception(self.error)
        else:
            self.published.append((topic_name, qos, payload))
            future.set_result(None)
        return future

    def close(self, *, executor_wait):
        self.closed = not executor_wait


def test_the_core_is_connected_to_again_after_an_error():
    broken, healthy = FakeCore(RuntimeError("socket closed")), FakeCore()
    clients = [broken, healthy]
    publisher = GreengrassPublisher(connect=lambda: clients.pop(0))
    with pytest.raises(PublishError, match="RuntimeError: socket closed"):
        publisher.publish("t", b"1")
    assert broken.closed
    publisher.publish("t", b"2")
    publisher.publish("t", b"3")
    assert healthy.published == [("t", "1", b"2"), ("t", "1", b"3")]


def test_the_fake_core_has_the_sdk_s_signature():
    client = pytest.importorskip("awsiot.greengrasscoreipc.clientv2").GreengrassCoreIPCClientV2
    taken = inspect.signature(client.publish_to_iot_core_async).parameters
    assert {"topic_name", "qos", "payload"} <= set(taken)
    assert "executor_wait" in inspect.signature(client.close).parameters
    model = pytest.importorskip("awsiot.greengrasscoreipc.model")
    assert model.QOS.AT_LEAST_ONCE == "1"


def test_outside_a_core_the_default_publisher_fails_cleanly(monkeypatch):
    monkeypatch.delenv("SVCUID", raising=False)
    pytest.importorskip("awsiot")
    with pytest.raises(PublishError, match="Greengrass core: KeyError"):
        open_publisher("greengrass").publish("t", b"1")


def test_a_message_that_a_core_would_disconnect_for_is_given_up(sending):
    core = FakeCore()
    outbox = sending(GreengrassPublisher(connect=lambda: core))
    outbox.put(Message(1, b"x" * 7001))
    outbox.put(Message(2, b"y"))
    assert outbox.drain(timeout=5)
    assert core.published == [("binsight/cam/detections", "1", b"y")]
    assert outbox.undelivered == 1


@pytest.mark.parametrize("setting", ["mqtt:host", "https:", "https:http://", "ftp://x"])
def test_a_wrong_publisher_is_refused(setting):
    with pytest.raises(ValueError, match=r"allowed are|expected"):
        open_publisher(setting)


def test_numbers_grow_over_restarts_and_a_disk_that_fails(tmp_path):
    path = tmp_path / "sequence"
    taken = [Sequence(path).take() for _ in range(3)]
    first = Sequence(path)
    taken += [first.take() for _ in range(250)]
    path.write_text("damaged")
    damaged = Sequence(path)
    taken += [damaged.take(), Sequence(tmp_path / "no/such/folder/sequence").take()]
    assert taken == sorted(set(taken))
    assert taken[:3] == [1, 101, 201]
    broken = Sequence(tmp_path / "no/such/folder/sequence")
    broken.take()
    assert "item numbers follow the clock" in broken.problem
