# SPDX-License-Identifier: Apache-2.0
"""One local AWS for all of these tests, on a free port, with clients for an account of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from rehearsal.local_aws.process import LocalAws
from tests.local_aws.helpers import free_port

ACCOUNT = "111111111111"
REGION = "us-east-1"


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(port=free_port(), work=tmp_path_factory.mktemp("local-aws")) as running:
        yield running


@pytest.fixture(scope="session")
def client(aws: LocalAws) -> Callable[..., Any]:
    """A boto3 client by service; account and region may be chosen."""
    known: dict[tuple[str, str, str], Any] = {}

    def make(service: str, *, account: str = ACCOUNT, region: str = REGION) -> Any:
        key = (service, account, region)
        if key not in known:
            known[key] = boto3.client(
                service,
                endpoint_url=aws.endpoint,
                aws_access_key_id=account,
                aws_secret_access_key="local",
                region_name=region,
                config=Config(retries={"max_attempts": 1}),
            )
        return known[key]

    return make


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """Wait for a condition to give something true, and return that."""

    def wait(condition: Callable[[], Any], *, seconds: float = 15.0, what: str = "") -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {what or condition}")

    return wait
