# SPDX-License-Identifier: Apache-2.0
"""A local AWS with a fleet's group, table and topic."""

import itertools
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from ministack_edge.process import LocalAws, free_port

ACCOUNT, REGION = "111111111111", "us-east-1"
_number = itertools.count()


@dataclass
class Aws:
    """Clients of one account."""

    endpoint: str

    def client(self, service: str, make: Any = boto3.client) -> Any:
        return make(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
        )


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    work = tmp_path_factory.mktemp("aws")
    with LocalAws(port=free_port(), work=work, enforce=False) as running:
        yield Aws(running.endpoint)


@pytest.fixture
def table(aws):
    """A latest-state table of the test's own."""
    return aws.client("dynamodb", boto3.resource).create_table(
        TableName=f"latest-{next(_number)}",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("thing", "kind")
        ],
        KeySchema=[
            {"AttributeName": "thing", "KeyType": "HASH"},
            {"AttributeName": "kind", "KeyType": "RANGE"},
        ],
    )
