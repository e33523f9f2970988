# SPDX-License-Identifier: Apache-2.0
"""One enforcing local AWS, and roles with exactly the statements that a test gives them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_testing.enforcing import ACCOUNT, Person
from ministack_edge.clients import ROOT_SECRET
from ministack_edge.process import LocalAws, free_port

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    work = tmp_path_factory.mktemp("enforcing-aws")
    with LocalAws(port=free_port(), mqtt_port=free_port(), work=work) as running:
        yield running


@pytest.fixture(scope="session")
def root(aws: LocalAws) -> Person:
    return Person(aws, ACCOUNT, ROOT_SECRET)


@pytest.fixture(scope="session")
def new_role(root: Person) -> Callable[..., str]:
    """Make a role with these statements; returns its ARN."""

    def make(*statements: Any, trust: Any = None, boundary: str | None = None) -> str:
        name = f"role-{next(_numbers)}"
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    **(trust or {"Principal": {"AWS": ACCOUNT}}),
                }
            ],
        }
        more = {"PermissionsBoundary": boundary} if boundary else {}
        iam = root.client("iam")
        made = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps(document), **more
        )["Role"]
        if statements:
            iam.put_role_policy(
                RoleName=name,
                PolicyName="given",
                PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
            )
        return str(made["Arn"])

    return make


@pytest.fixture(scope="session")
def person(root: Person, new_role: Callable[..., str]) -> Callable[..., Person]:
    """Somebody who has assumed a role with these statements."""

    def make(*statements: Any, boundary: str | None = None) -> Person:
        arn = new_role(*statements, boundary=boundary)
        keys = root.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return Person(
            root.aws, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], arn
        )

    return make


@pytest.fixture
def decisions(aws: LocalAws) -> Callable[[], list[dict[str, Any]]]:
    """The decisions since the test began."""
    path: Path = aws.permissions
    before = len(path.read_text().splitlines())
    return lambda: [json.loads(line) for line in path.read_text().splitlines()[before:]]
