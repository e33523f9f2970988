# SPDX-License-Identifier: Apache-2.0
"""Lists everything that would stop a destroy half-way, before anything is deleted.

CloudFormation finds these obstacles one by one and leaves a stack in DELETE_FAILED; here they are
all listed at once, each with the commands that remove it. Read only.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.settings import Settings, load
from tools.account import STACKS, AccountError, describe, outputs, session_for, stack_name

SHOWN = 5
"""How many cameras or certificates are named; the rest are counted."""
_RUNBOOK = "docs/runbook.md"


@dataclass(frozen=True)
class Obstacle:
    """An obstacle to the destroy, and the lines to print below it."""

    what: str
    remedy: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """What exists of an environment: its stacks, and their resources by type.

    ``make_cameras`` is the command that retires its cameras.
    """

    make_cameras: str
    session: boto3.Session
    region: str
    stacks: Mapping[str, Mapping[str, Any]]
    resources: Mapping[str, list[str]]

    def outputs(self, key: str) -> list[str]:
        """The values of one output over all stacks: none or one."""
        found = [outputs(stack) for stack in self.stacks.values()]
        return [one[key] for one in found if key in one]


def standing(environment: str, session: boto3.Session, settings: Settings) -> Standing:
    """Find the environment's stacks and their resources."""
    names = [stack_name(settings, stack) for stack in STACKS]
    found = {name: stack for name in names if (stack := describe(session, name)) is not None}
    resources: dict[str, list[str]] = {}
    pages: Any = session.client("cloudformation").get_paginator("list_stack_resources")
    for name in found:
        for page in pages.paginate(StackName=name):
            for one in page["StackResourceSummaries"]:
                if one["ResourceStatus"] not in {"DELETE_COMPLETE", "DELETE_SKIPPED"}:
                    resources.setdefault(one["ResourceType"], []).append(one["PhysicalResourceId"])
    command = f"make cameras ENV={environment}"
    return Standing(command, session, settings.region, found, resources)


def protected(there: Standing) -> Iterator[Obstacle]:
    """Stacks that are protected against deletion."""
    names = [name for name, one in there.stacks.items() if one.get("EnableTerminationProtection")]
    if names:
        command = (
            f"aws cloudformation update-termination-protection --region {there.region} "
            "--no-enable-termination-protection --stack-name"
        )
        yield Obstacle(
            f"{len(names)} stacks are protected against deletion",
            tuple(f"{command} {name}" for name in names),
        )


def training(there: Standing) -> Iterator[Obstacle]:
    """Executions of the pipeline: SageMaker does not delete a running pipeline."""
    sagemaker = there.session.client("sagemaker")
    for name in there.resources.get("AWS::SageMaker::Pipeline", ()):
        pages = sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=name)
        running = [
            one["PipelineExecutionArn"]
            for page in pages
            for one in page["PipelineExecutionSummaries"]
            if one["PipelineExecutionStatus"] in {"Executing", "Stopping"}
        ]
        if running:
            command = (
                f"aws sagemaker stop-pipeline-execution --region {there.region} "
                "--pipeline-execution-arn"
            )
            yield Obstacle(
                f"the training pipeline runs ({len(running)}); wait until it ends, or stop it",
                tuple(f"{command} {arn}" for arn in running),
            )


def rollouts(there: Standing) -> Iterator[Obstacle]:
    """Model rollouts, which would continue to deploy to groups that are being deleted."""
    states = there.session.client("stepfunctions")
    for arn in there.resources.get("AWS::StepFunctions::StateMachine", ()):
        pages = states.get_paginator("list_executions").paginate(
            stateMachineArn=arn, statusFilter="RUNNING"
        )
        running = [one["executionArn"] for page in pages for one in page["executions"]]
        if running:
            command = f"aws stepfunctions stop-execution --region {there.region} --execution-arn"
            yield Obstacle(
                f"a model is being rolled out ({len(running)}); wait until it ends, or stop it",
                tuple(f"{command} {arn}" for arn in running),
            )


def cameras(there: Standing) -> Iterator[Obstacle]:
    """Registered cameras: their policy and thing type cannot be deleted before them."""
    iot = there.session.client("iot")
    for thing_type in there.outputs("ThingType"):
        pages = iot.get_paginator("list_things").paginate(thingTypeName=thing_type)
        names = [one["thingName"] for page in pages for one in page["things"]]
        if names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            yield Obstacle(
                f"registered cameras, {len(names)}: {', '.join(names[:SHOWN])}{more}",
                (
                    f"{there.make_cameras} RETIRE=<serial>,<serial>",
                    f"{_RUNBOOK}, 'Take a camera out of service'",
                ),
            )


def certificates(there: Standing) -> Iterator[Obstacle]:
    """Certificates with one of the environment's policies, claim certificates for example."""
    iot = there.session.client("iot")
    for policy in there.resources.get("AWS::IoT::Policy", ()):
        pages = iot.get_paginator("list_targets_for_policy").paginate(policyName=policy)
        targets = [target for page in pages for target in page["targets"]]
        if targets:
            command = f"aws iot detach-policy --region {there.region} --policy-name {policy}"
            yield Obstacle(
                f"policy {policy} is attached to certificates: {len(targets)}",
                (
                    f"{there.make_cameras} RETIRE=<serial> for a camera, REVOKE=<kit> for a kit",
                    f"{_RUNBOOK}, 'Revoke a claim certificate'; for any other certificate:",
                    *(f"{command} --target {target}" for target in targets[:SHOWN]),
                ),
            )


CHECKS: tuple[Callable[[Standing], Iterator[Obstacle]], ...] = (
    training,
    rollouts,
    cameras,
    certificates,
    protected,
)


def obstacles(there: Standing) -> tuple[list[Obstacle], list[str]]:
    """All obstacles, and the checks that could not be made, with the reason."""
    found: list[Obstacle] = []
    unknown: list[str] = []
    for check in CHECKS:
        try:
            found += check(there)
        except ClientError as error:
            unknown.append(f"{check.__name__}: {error}")
    return found, unknown


def main() -> int:
    """0 if no obstacle to a destroy was found, otherwise 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True, help="a file in environments/")
    arguments = parser.parse_args()
    try:
        settings = load(arguments.environment)
        there = standing(arguments.environment, session_for(settings), settings)
        found, unknown = obstacles(there)
    except (SettingsError, AccountError) as error:
        print(f"destroy: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        # Credentials that may not read may still destroy: the CDK has its own roles.
        print(f"destroy: could not check for obstacles: {error}", file=sys.stderr)
        return 0
    if not there.stacks:
        print(f"{settings.prefix}: there are no stacks; nothing to destroy")
    for text in unknown:
        print(f"destroy: not checked: {text}", file=sys.stderr)
    if found:
        these = "this" if len(found) == 1 else f"these {len(found)}"
        print(f"destroy: nothing was deleted; resolve {these} first:", file=sys.stderr)
    for one in found:
        print("\n  ".join([f"- {one.what}", *one.remedy]), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(run_command(main))
