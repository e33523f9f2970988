# SPDX-License-Identifier: Apache-2.0
"""Imports resources that a destroy kept into new stacks: the data buckets, the key, the model
registry.

`cdk deploy --import-existing-resources` does this for resources that the templates name. AWS chose
the names of these, so they are passed to `cdk import`. CloudFormation lists for 90 days what a
deleted stack kept. Run before `cdk deploy --all --import-existing-resources`; `make deploy-again`
does both.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.settings import Settings, load
from tools.account import AccountError, describe, session_for, stack_name

TAKEN_BACK = ("Data", "Training")
"""Stacks with kept resources that no template names, in the order of deployment."""
CDK = Path(sys.executable).parent / "cdk"


def _bucket(session: boto3.Session, name: str) -> str:
    session.client("s3").head_bucket(Bucket=name)
    return ""


def _key(session: boto3.Session, key: str) -> str:
    state = session.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"]
    return "" if state == "Enabled" else f"the key is {state}: enable it first"


def _model_package_group(session: boto3.Session, arn: str) -> str:
    session.client("sagemaker").describe_model_package_group(ModelPackageGroupName=arn)
    return ""


IDENTIFIED: Mapping[str, tuple[str, Callable[[boto3.Session, str], str]]] = {
    "AWS::KMS::Key": ("KeyId", _key),
    "AWS::S3::Bucket": ("BucketName", _bucket),
    "AWS::SageMaker::ModelPackageGroup": ("ModelPackageGroupArn", _model_package_group),
}
"""By type: the identifier for an import, and a check that the resource exists and is usable."""


@dataclass(frozen=True)
class Kept:
    """A resource that a deleted stack left."""

    logical_id: str
    type: str
    physical_id: str


class TakeBackError(Exception):
    """A kept resource cannot be imported as it is."""


def kept_by(session: boto3.Session, name: str) -> list[Kept]:
    """The importable resources that the last deleted stack of this name kept."""
    cloudformation = session.client("cloudformation")
    pages = cloudformation.get_paginator("list_stacks").paginate(
        StackStatusFilter=["DELETE_COMPLETE"]
    )
    gone = [one for page in pages for one in page["StackSummaries"] if one["StackName"] == name]
    # A failed first deployment leaves a deleted stack too, one that kept nothing.
    for stack in sorted(gone, key=lambda one: one["CreationTime"], reverse=True):
        events = cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=stack["StackId"]
        )
        found = {
            event["LogicalResourceId"]: Kept(
                event["LogicalResourceId"], event["ResourceType"], event["PhysicalResourceId"]
            )
            for page in events
            for event in page["StackEvents"]
            if event["ResourceStatus"] == "DELETE_SKIPPED" and event["ResourceType"] in IDENTIFIED
        }
        if found:
            return list(found.values())
    return []


def mapping(
    session: boto3.Session, kept: list[Kept], resources: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    """What `cdk import` takes: for each logical id of the template, the resource that is there.

    Resources that no longer exist are created again. TakeBackError if one is not in order, or is
    gone while another one refers to it: an import can refer only to resources that it imports.
    """
    found: dict[str, dict[str, str]] = {}
    gone = set()
    for one in kept:
        key, look = IDENTIFIED[one.type]
        if resources.get(one.logical_id, {}).get("Type") != one.type:
            print(f"  {one.type} {one.physical_id}: the current template does not contain it")
            continue
        try:
            problem = look(session, one.physical_id)
        except ClientError as error:
            print(f"  {one.type} {one.physical_id}: created again; the kept one: {error}")
            gone.add(one.logical_id)
            continue
        if problem:
            raise TakeBackError(f"{one.type} {one.physical_id}: {problem}")
        print(f"  {one.type} {one.physical_id}")
        found[one.logical_id] = {key: one.physical_id}
    for name in found:
        if missing := gone & set(_referred(resources[name])):
            raise TakeBackError(
                f"{', '.join(sorted(missing))} is gone, and {name} refers to it: neither can be "
                "imported. Give the environment another prefix, deploy it, and copy what you need"
            )
    return found


def _referred(node: Any) -> Iterator[str]:
    """The logical ids that a resource refers to."""
    if isinstance(node, Mapping):
        if isinstance(name := node.get("Ref"), str):
            yield name
        if isinstance(pair := node.get("Fn::GetAtt"), list):
            yield str(pair[0])
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _referred(part)


def take_back(session: boto3.Session, settings: Settings, stack: str, assembly: Path) -> None:
    """Import what an earlier stack of this name kept; does nothing if the stack exists."""
    name = stack_name(settings, stack)
    if describe(session, name) is not None:
        print(f"{name}: it exists; nothing to import")
        return
    kept = kept_by(session, name)
    print(f"{name}: {len(kept)} resources were kept by an earlier stack of this name")
    template = json.loads((assembly / f"{stack}.template.json").read_text(encoding="utf-8"))
    if identified := mapping(session, kept, template["Resources"]):
        options = ["--resource-mapping-inline", json.dumps(identified), "--app", str(assembly)]
        subprocess.run([str(CDK), "import", stack, *options], check=True)


def main() -> int:
    """Import what each stack can have; 0 also if there is nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True, help="a file in environments/")
    parser.add_argument("--assembly", type=Path, required=True, help="folder of `cdk synth`")
    arguments = parser.parse_args()
    try:
        settings = load(arguments.environment)
        session = session_for(settings)
        for stack in TAKEN_BACK:
            take_back(session, settings, stack, arguments.assembly)
    except (
        SettingsError,
        AccountError,
        TakeBackError,
        BotoCoreError,
        ClientError,
        subprocess.CalledProcessError,
    ) as error:
        print(f"deploy-again: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run_command(main))
