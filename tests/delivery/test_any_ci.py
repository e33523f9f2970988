# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/any-ci.md, run against the enforcing local AWS with the deployment role's
rights and nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aws_cdk as cdk
import boto3
import pytest
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_ssm as ssm

from infra.config import settings
from infra.delivery.github_roles import DEPLOY_ROLES
from ministack_edge.clients import ROOT_SECRET
from ministack_edge.process import LocalAws, free_port
from tools.assembly import main as assembly

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv" / "bin"
NAME = "dev"
PLACE = settings.load(NAME)
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
NAMES_OF_STACK = f"{PLACE.prefix}-any-ci"
Commands = dict[str, list[str]]


def documented() -> Commands:
    """The commands of the page by their first word, in its order."""
    text = (ROOT / "docs" / "any-ci.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z ]+) \| `([^`]+)` \|", text, re.MULTILINE)
    return {name: command.split(" && ")[-1].split() for name, command in rows}


def small_app(app: cdk.App, name: str) -> None:
    """A stack with a file to publish; deploying Binsight itself is what rehearsals do."""
    one = settings.load(name)
    place = cdk.Environment(account=one.account, region=one.region)
    stack = cdk.Stack(app, "Data", env=place, stack_name=f"{one.prefix}-any-ci")
    file = assets.Asset(stack, "File", path=str(ROOT / "LICENSE"))
    ssm.StringParameter(stack, "Where", string_value=file.s3_object_url)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the assembly of every environment, as `synth` of the page leaves it."""
    folder = tmp_path_factory.mktemp("any-ci")
    command = documented()["synth"]
    assert command[:3] == [".venv/bin/python", "-m", "tools.assembly"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "app", SimpleNamespace(build=small_app))
        # Node, which writes it, keeps the working directory that it was started in.
        assert assembly([*command[3:-1], str(folder / command[-1])]) == 0
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """An account that its owner has bootstrapped."""
    work = tmp_path_factory.mktemp("enforcing-aws")
    with LocalAws(port=free_port(), work=work) as running:
        place = f"aws://{PLACE.account}/{PLACE.region}"
        # Named, because ministack takes the CDK's empty default for a policy without a name.
        policy = ["--cloudformation-execution-policies", ADMINISTRATOR_ACCESS]
        done = run(["cdk", "bootstrap", place, *policy], work, owner(running))
        assert done.returncode == 0, done.stdout + done.stderr
        yield running


def owner(aws: LocalAws) -> dict[str, str]:
    """Credentials of the account's owner, in the form of variables."""
    return variables(aws, PLACE.account, ROOT_SECRET)


def variables(aws: LocalAws, key: str, secret: str, token: str = "") -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_ENDPOINT_URL_S3": aws.endpoint,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        **({"AWS_SESSION_TOKEN": token} if token else {}),
        "AWS_REGION": PLACE.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }


def run(
    command: Sequence[str], folder: Path, more: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CDK_"))}
    path = f"{BIN}{os.pathsep}{kept.get('PATH', '')}"
    return subprocess.run(
        list(command),
        cwd=folder,
        env={**kept, **more, "PATH": path},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def role(aws: LocalAws, name: str, may_take: Sequence[str]) -> dict[str, str]:
    """Credentials of a role that may take these CDK roles, as infra/delivery/github_roles.py."""
    clients = {"endpoint_url": aws.endpoint, "region_name": PLACE.region}
    keys = {"aws_access_key_id": PLACE.account, "aws_secret_access_key": ROOT_SECRET}
    iam: Any = boto3.client("iam", **clients, **keys)
    trust = statement("sts:AssumeRole", Principal={"AWS": PLACE.account})
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    place = f"{PLACE.account}-{PLACE.region}"
    arns = [
        f"arn:aws:iam::{PLACE.account}:role/cdk-hnb659fds-{each}-role-{place}" for each in may_take
    ]
    iam.put_role_policy(
        RoleName=name,
        PolicyName="take",
        PolicyDocument=statement("sts:AssumeRole", Resource=arns),
    )
    sts: Any = boto3.client("sts", **clients, **keys)
    found = sts.assume_role(RoleArn=made["Arn"], RoleSessionName="ci")["Credentials"]
    return variables(aws, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def statement(action: str, **more: Any) -> str:
    body = {"Effect": "Allow", "Action": action, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [body]})


def filled(command: Sequence[str]) -> list[str]:
    return [part.strip('"').replace("$NAME", NAME) for part in command]


def test_the_page_has_the_five_commands():
    found = documented()
    assert list(found) == ["review", "synth", "publish assets", "diff", "deploy"]
    assert found["review"][:3] == [".venv/bin/python", "-m", "template_review"]
    done = run([*found["review"], "--help"], ROOT, {})
    assert done.returncode == 0, done.stderr


def test_each_needs_the_deployment_role_and_no_more(aws: LocalAws, built: Path):
    deployer = role(aws, "ci-deploy", DEPLOY_ROLES)
    nobody = role(aws, "ci-nobody", ["image-publishing"])
    commands = documented()
    publish, diff, deploy = (
        filled(commands[name]) for name in ("publish assets", "diff", "deploy")
    )

    refused = run(deploy, built, nobody)
    assert refused.returncode != 0, refused.stdout
    assert "not authorized" in refused.stdout + refused.stderr

    for command in (publish, diff, deploy):
        done = run(command, built, deployer)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    client: Any = boto3.client(
        "cloudformation",
        endpoint_url=aws.endpoint,
        region_name=PLACE.region,
        aws_access_key_id=PLACE.account,
        aws_secret_access_key=ROOT_SECRET,
    )
    [stack] = client.describe_stacks(StackName=NAMES_OF_STACK)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"

    again = run(diff, built, deployer)
    assert "There were no differences" in again.stdout + again.stderr
