# SPDX-License-Identifier: Apache-2.0
"""Deploys through the bootstrap's roles as the CDK command line does, without starting it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.config.settings import Settings
from ministack_edge.process import LocalAws
from rehearsal.aws_client import STACKS
from rehearsal.people import People

QUALIFIER = "cdk-hnb659fds"


@dataclass(frozen=True)
class Bootstrapped:
    """A bootstrapped account in the hands of its deployer, with one environment's assembly."""

    aws: LocalAws
    people: People
    settings: Settings
    assembly: Path

    def deploy(self, stacks: Sequence[str] = STACKS) -> None:
        """Publish the assets and create the stacks. AssertionError with the reasons."""
        storage = self._as("file-publishing-role", "s3")
        for name in stacks:
            manifest = self.assembly / f"{name.capitalize()}.assets.json"
            for file in json.loads(manifest.read_text(encoding="utf-8"))["files"].values():
                source = self.assembly / file["source"]["path"]
                for target in file["destinations"].values():
                    if source.is_file():
                        storage.upload_file(str(source), target["bucketName"], target["objectKey"])
        for name in stacks:
            self._ask("create", name, TemplateURL=self._template(name))

    def update(self) -> None:
        """Deploy again with one more tag: every resource that can have tags is updated."""
        for name in STACKS:
            tags = [{"Key": "deployed", "Value": "again"}]
            self._ask("update", name, TemplateURL=self._template(name), Tags=tags)

    def destroy(self) -> None:
        """Delete the stacks, the last one first."""
        for name in reversed(STACKS):
            self._ask("delete", name)

    def _as(self, role: str, service: str) -> Any:
        place = f"{self.settings.account}-{self.settings.region}"
        arn = f"arn:aws:iam::{self.settings.account}:role/{QUALIFIER}-{role}-{place}"
        deployer = self.people.deployer
        keys = self._client("sts", deployer.access_key, deployer.secret_key).assume_role(
            RoleArn=arn, RoleSessionName="deployer"
        )["Credentials"]
        return self._client(
            service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
        )

    def _client(self, service: str, key: str, secret: str, token: str | None = None) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.aws.endpoint,
            region_name=self.settings.region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 1}),
        )

    def _template(self, stack: str) -> str:
        """Where the published template of a stack is."""
        text = (self.assembly / f"{stack.capitalize()}.assets.json").read_text(encoding="utf-8")
        [target] = [
            place
            for file in json.loads(text)["files"].values()
            if file["source"]["path"] == f"{stack.capitalize()}.template.json"
            for place in file["destinations"].values()
        ]
        return f"{self.aws.endpoint}/{target['bucketName']}/{target['objectKey']}"

    def _ask(self, verb: str, stack: str, **more: Any) -> None:
        client = self._as("deploy-role", "cloudformation")
        name = f"{self.settings.prefix}-{stack}"
        place = f"{self.settings.account}-{self.settings.region}"
        role = f"arn:aws:iam::{self.settings.account}:role/{QUALIFIER}-cfn-exec-role-{place}"
        if verb != "delete":
            more["Capabilities"] = ["CAPABILITY_NAMED_IAM"]
        before = client.describe_stacks(StackName=name)["Stacks"] if verb != "create" else []
        asked = getattr(client, f"{verb}_stack")(StackName=name, RoleARN=role, **more)
        found = asked.get("StackId") or before[0]["StackId"]
        deadline = time.monotonic() + 120
        status = "IN_PROGRESS"
        while status.endswith("IN_PROGRESS") and time.monotonic() < deadline:
            time.sleep(0.1)
            status = client.describe_stacks(StackName=found)["Stacks"][0]["StackStatus"]
        reasons = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
            for event in client.describe_stack_events(StackName=found)["StackEvents"]
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        assert status == f"{verb.upper()}_COMPLETE", (name, status, reasons)
        assert not reasons, (name, reasons)
