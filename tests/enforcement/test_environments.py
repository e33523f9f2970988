# SPDX-License-Identifier: Apache-2.0
"""Environments and variants are deployed, updated and destroyed with the shipped policies alone.

`make test` takes the two variants that need most; `make prove-environments` takes them all. Dev is
deployed so, by the command line, in tests/environments and in every rehearsal.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.config.settings import load
from ministack_edge.process import LocalAws, free_port
from rehearsal.cdk import Cdk
from rehearsal.people import settle
from tests.conftest import ROOT
from tests.enforcement.bootstrapped import QUALIFIER, Bootstrapped
from tests.enforcement.reference import unknown
from tests.environments.copies import synthesise
from tests.synth.variants import VARIANTS, write_variant

ALL = ("staging", "prod", *VARIANTS)
CHOSEN = ALL if os.environ.get("BINSIGHT_COPIES") == "all" else ("mail-and-boundary", "notebook")

MORE: dict[str, dict[str, Any]] = {
    # docs/training.md, "Notebook": what to add for a notebook in a VPC of one's own.
    "notebook-in-vpc": {
        "Effect": "Allow",
        "Action": [
            "ec2:*NetworkInterface*",
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ],
        "Resource": "*",
    }
}
"""What an option needs beside the shipped policy, and the documentation says so."""


@pytest.fixture(scope="module")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of each chosen environment, beside its file."""
    work: Path = tmp_path_factory.mktemp("enforced")
    files = work / "files"
    files.mkdir()
    for number, name in enumerate(CHOSEN):
        if name in VARIANTS:
            # They are dev's, and one account may have only one environment of a prefix.
            write_variant(name, work / name, prefix=f"binsight-{number}")
            for file in (work / name).iterdir():
                # The two that exchange models are each written twice, for one and the other.
                shutil.move(file, files / file.name)
        else:
            shutil.copy(ROOT / "environments" / f"{name}.toml", files)
    synthesise(files, work / "assemblies")
    return work


@pytest.fixture(params=CHOSEN)
def environment(
    request: pytest.FixtureRequest,
    assemblies: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bootstrapped]:
    """An account of its own for each, bootstrapped by its administrator."""
    name = str(request.param)
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(assemblies / "files"))
    settings = load(name)
    with LocalAws(port=free_port(), work=tmp_path / "local-aws") as aws:
        people = settle(
            endpoint=aws.endpoint,
            account=settings.account,
            region=settings.region,
            prefix=settings.prefix,
        )
        by_administrator = aws.client_environment(
            account=settings.account, region=settings.region, person=people.administrator
        )
        Cdk(
            name=name,
            environment=by_administrator,
            assembly=assemblies / "assemblies" / name,
            log=tmp_path / "cdk.log",
            progress=lambda _: None,
        ).bootstrap(settings.account, settings.region, *people.execution_policies)
        found = Bootstrapped(aws, people, settings, assemblies / "assemblies" / name)
        iam = boto3.client(
            "iam",
            endpoint_url=aws.endpoint,
            region_name=settings.region,
            aws_access_key_id=people.administrator.access_key,
            aws_secret_access_key=people.administrator.secret_key,
        )
        if settings.permissions_boundary:
            iam.create_policy(
                PolicyName=settings.permissions_boundary,
                PolicyDocument=_document({"Effect": "Allow", "Action": "*", "Resource": "*"}),
            )
        if name in MORE:
            iam.put_role_policy(
                RoleName=f"{QUALIFIER}-cfn-exec-role-{settings.account}-{settings.region}",
                PolicyName="more",
                PolicyDocument=_document(MORE[name]),
            )
        yield found


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def test_it_is_deployed_changed_and_destroyed_with_the_shipped_policies(
    environment: Bootstrapped,
) -> None:
    environment.deploy()
    environment.update()
    environment.destroy()
    lines = environment.aws.permissions.read_text(encoding="utf-8").splitlines()
    decisions = [json.loads(line) for line in lines]
    assert [each for each in decisions if each["decision"] == "deny"] == []
    by_cloudformation = [each for each in decisions if "-cfn-exec-role-" in each["principal"]]
    assert len(by_cloudformation) > 500
    assert list(unknown(by_cloudformation)) == []
