# SPDX-License-Identifier: Apache-2.0
"""Checks whether `cdk deploy` can continue after an earlier deployment or destroy.

A stack whose creation was rolled back is empty, and `cdk deploy` deletes it before it tries again.
If the environment keeps its data, that stack is already protected against deletion, because the CDK
protects it before it creates anything. This removes the protection of such stacks and of no other.

Resources that a destroy kept would cause "already exists" errors, or new, empty buckets beside the
old ones. This is reported before anything is created.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.settings import Settings, load
from tools.account import STACKS, AccountError, describe, outputs, session_for, stack_name
from tools.take_back import kept_by

_RUNBOOK = "docs/runbook.md, 'A deployment of the stacks failed', says what to do"


def main() -> int:
    """0 if `cdk deploy` can continue, 1 if the operator has to do something first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", required=True, help="a file in environments/")
    arguments = parser.parse_args()
    try:
        settings = load(arguments.environment)
        session = session_for(settings)
        problems = list(look(session, settings))
    except (SettingsError, AccountError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        # Without read permission a person may still deploy: the CDK has roles of its own.
        print(f"deploy: could not check for an earlier deployment: {error}", file=sys.stderr)
        return 0
    for problem in problems:
        print(f"deploy: {problem}", file=sys.stderr)
    return 1 if problems else 0


def look(session: boto3.Session, settings: Settings) -> Iterator[str]:
    """Yield one sentence for each thing to do first; turn off protections."""
    yield from _still_watched(session, settings)
    for stack in STACKS:
        name = stack_name(settings, stack)
        found = describe(session, name)
        if found is None:
            if settings.keeps_data and (kept := kept_by(session, name)):
                yield (
                    f"{name}: an earlier stack of this name kept {len(kept)} resources. `make "
                    "deploy-again` imports them; to start afresh beside them, give the "
                    "environment another prefix"
                )
        elif found["StackStatus"] == "ROLLBACK_FAILED":
            for resource in _failed_to_delete(session, name):
                yield (
                    f"{name}: its creation failed and could not be rolled back: {resource} is "
                    f"still there; {_RUNBOOK}"
                )
        elif found["StackStatus"] == "ROLLBACK_COMPLETE" and found.get(
            "EnableTerminationProtection"
        ):
            session.client("cloudformation").update_termination_protection(
                StackName=name, EnableTerminationProtection=False
            )
            print(
                f"{name}: its first deployment failed and was rolled back, so it is empty; "
                "turned off its termination protection so that it can be replaced"
            )


def _still_watched(session: boto3.Session, settings: Settings) -> Iterator[str]:
    """For an environment that starts taking models: its insights still refer to the pipeline."""
    training = describe(session, stack_name(settings, "Training"))
    if settings.training.source is None or "PipelineName" not in outputs(training):
        return
    insights = stack_name(settings, "Insights")
    if describe(session, insights) and any(
        name.startswith("AlertsTraining") for name in _logical_ids(session, insights)
    ):
        yield (
            f"{insights} still watches the pipeline that will be deleted, and CloudFormation "
            "would refuse to delete a referenced resource. Deploy it alone first: "
            "`.venv/bin/cdk deploy Insights --exclusively -c environment=...`, then this again"
        )


def _logical_ids(session: boto3.Session, name: str) -> Iterator[str]:
    pages: Any = session.client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=name):
        yield from (str(one["LogicalResourceId"]) for one in page["StackResourceSummaries"])


def _failed_to_delete(session: boto3.Session, name: str) -> Iterator[str]:
    pages: Any = session.client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=name):
        for one in page["StackResourceSummaries"]:
            if one["ResourceStatus"] == "DELETE_FAILED":
                yield f"{one['ResourceType']} {one.get('PhysicalResourceId', '')}"


if __name__ == "__main__":
    sys.exit(run_command(main))
