# SPDX-License-Identifier: Apache-2.0
"""AWS clients that botocore itself checks: parameters and answers must fit the service models."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from rollout.settings import Settings, from_environment

REGION, ACCOUNT = "us-east-1", "111111111111"
GROUPS = {
    name: f"arn:aws:iot:{REGION}:{ACCOUNT}:thinggroup/binsight-dev-model-{name}"
    for name in ("canary", "fleet")
}
COMPONENT = "binsight-dev.Model"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENVIRONMENT = {
    "ARTIFACTS_BUCKET": "artifacts",
    "MODEL_COMPONENT": COMPONENT,
    "INFERENCE_COMPONENT": "binsight-dev.Inference",
    "CANARY_GROUP_ARN": GROUPS["canary"],
    "FLEET_GROUP_ARN": GROUPS["fleet"],
    "INSIGHTS_STACK": "binsight-dev-insights",
    "SILENT_AFTER_SECONDS": "120",
    "MINIMUM_FPS": "1",
    "MAXIMUM_LATENCY_MS": "1000",
    "MAXIMUM_SLOWDOWN_PERCENT": "100",
    "FALSE_ALARM_PERCENT": "1",
    "MODEL_FOLDER": "/var/lib/binsight/models",
    "BAKE_MINUTES": "30",
    "CHECK_SECONDS": "30",
    "CAMERAS_PER_MINUTE": "50",
    "MAXIMUM_FAILED_PERCENT": "20",
}


@dataclass
class Service:
    """A real client whose calls are answered from a list, in order."""

    client: Any
    stub: Stubber

    def answers(self, operation: str, answer: dict[str, Any], **expected: Any) -> None:
        """The next call must be this one; ``expected`` are its parameters, all of them."""
        self.stub.add_response(operation, answer, expected or None)

    def fails(self, operation: str, code: str, **expected: Any) -> None:
        self.stub.add_client_error(operation, code, expected_params=expected or None)


@pytest.fixture
def settings() -> Settings:
    return from_environment(ENVIRONMENT)


@pytest.fixture
def service() -> Iterator[Callable[[str], Service]]:
    """Make a service; at the test's end all its expected calls must have been made."""
    made: list[Service] = []

    def make(name: str) -> Service:
        client = boto3.client(
            name, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
        )
        found = Service(client, Stubber(client))
        found.stub.activate()
        made.append(found)
        return found

    yield make
    for each in made:
        each.stub.assert_no_pending_responses()


@pytest.fixture
def greengrass(service: Callable[[str], Service]) -> Service:
    return service("greengrassv2")


def body(content: bytes) -> StreamingBody:
    return StreamingBody(io.BytesIO(content), len(content))
