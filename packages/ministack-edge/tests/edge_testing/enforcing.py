# SPDX-License-Identifier: Apache-2.0
"""People and statements for the tests that decide calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from ministack_edge.process import LocalAws

ACCOUNT = "222222222222"
REGION = "eu-central-1"


@dataclass
class Person:
    """Clients with one set of credentials."""

    aws: LocalAws
    key: str
    secret: str
    token: str | None = None
    arn: str = ""

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.aws.endpoint,
            region_name=REGION,
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
            aws_session_token=self.token,
            config=Config(retries={"max_attempts": 1}),
        )


def allow(*actions: str, on: Any = "*", when: Any = None) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return {**statement, "Condition": when} if when else statement
