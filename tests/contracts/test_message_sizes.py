# SPDX-License-Identifier: Apache-2.0
"""What a camera may send fits what nucleus lite can take over its IPC."""

import base64
import json

from camera.messaging.publishers import MAXIMUM_BYTES
from contracts.detection import Detection
from contracts.messages import ModelName
from contracts.topics import Topics
from rehearsal.simulated_core.event_stream import Kind, Message
from rehearsal.simulated_core.ipc import MAXIMUM_BYTES as IPC_BYTES

THING = "t" * 128  # AWS IoT's limit
MODEL = ModelName("f" * 64, "999999.999999.999999")


def ipc_bytes(topic: str, payload: bytes) -> int:
    """The size of a message on the way from the program to its core."""
    body = {
        "topicName": topic,
        "qos": "1",
        "payload": base64.b64encode(payload).decode(),
    }
    headers = {
        "operation": "aws.greengrass#PublishToIoTCore",
        "service-model-type": "aws.greengrass#PublishToIoTCoreRequest",
        ":content-type": "application/json",
    }
    message = Message(
        kind=Kind.APPLICATION_MESSAGE,
        stream=2**31 - 1,
        headers=headers,
        payload=json.dumps(body).encode(),
    )
    return len(message.encode())


def test_the_largest_payload_that_is_sent_fits_the_core_s_ipc() -> None:
    topic = Topics("p" * 64).detections(THING)
    assert ipc_bytes(topic, b"x" * MAXIMUM_BYTES) <= IPC_BYTES
    assert ipc_bytes(topic, b"x" * 9000) > IPC_BYTES


def test_a_detection_has_a_tenth_of_it_whatever_it_says() -> None:
    largest = Detection(
        thing=THING,
        sequence=2**63 - 1,
        observed_at="2026-11-22T14:03:07.125Z",
        class_name="\U0001f5d1" * 20,  # JSON writes each as twelve characters
        bin="recycling",
        confidence=0.123456789,
        unsure=True,
        bin_confidence=0.123456789,
        model=MODEL,
        frames=2**31,
        latency_ms=86_400_000.123,
    )
    assert len(json.dumps(largest.to_json()).encode()) < MAXIMUM_BYTES / 8
