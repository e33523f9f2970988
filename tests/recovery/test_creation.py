# SPDX-License-Identifier: Apache-2.0
"""A first deployment that fails is rolled back, leaves nothing, and can be repeated."""

import pytest
from botocore.exceptions import ClientError

from rehearsal.errors import RehearsalError
from tests.recovery.production import STACKS, Production

LAST = {
    "Data": "AWS::S3::BucketPolicy",
    "Training": "AWS::Events::Rule",
    "Edge": "AWS::GreengrassV2::Deployment",
    "Insights": "AWS::CloudWatch::Dashboard",
}
"""A type in each stack of which one is made when most of the stack is there."""


@pytest.mark.parametrize("stack", STACKS)
def test_a_failed_creation_leaves_nothing_and_is_repeated(
    production: Production, stack: str
) -> None:
    """Each run also succeeds with the stack that failed in the run before."""
    resource = production.only(stack, LAST[stack])
    order = {"StackName": production.name(stack), "LogicalResourceId": resource}
    production.order("stack-failures", {**order, "Reason": "ordered by the test"})
    with pytest.raises(RehearsalError, match="ordered by the test"):
        production.cdk(production.copy).deploy()
    assert production.stack(stack)["StackStatus"] == "ROLLBACK_COMPLETE"
    _only(production, *STACKS[: STACKS.index(stack)], failed=stack)

    # The CDK protects a stack before it makes anything in it, and cannot replace it then.
    assert production.stack(stack)["EnableTerminationProtection"]
    if stack == STACKS[0]:
        with pytest.raises(RehearsalError, match="TerminationProtection is enabled"):
            production.cdk(production.copy).deploy()
    lifted = production.tool("before_deploy")
    assert lifted.returncode == 0, lifted.stderr
    assert lifted.stdout.startswith(f"{production.name(stack)}: its first deployment failed")
    assert lifted.stdout.count("turned off its termination protection") == 1


def test_then_the_deployment_succeeds_and_no_protection_is_lifted(production: Production) -> None:
    assert production.deploy() == {"prod": 1}
    _only(production, *STACKS)
    told = production.tool("before_deploy")
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")
    cloudformation = production.cloud(production.copy).client("cloudformation")
    for stack in STACKS:
        with pytest.raises(ClientError, match="TerminationProtection is enabled"):
            cloudformation.delete_stack(StackName=production.name(stack))


def _only(production: Production, *stacks: str, failed: str | None = None) -> None:
    """Nothing is there but what the stacks ask for, and keys that wait for their deletion."""
    found = production.present()
    keys = found.pop("AWS::KMS::Key", [])
    names = found.pop("AWS::CloudFormation::Stack")
    assert len(names) == len(stacks) + bool(failed)
    asked = production.asked_for(*stacks)
    live = [key for key in keys if not key.endswith(" PendingDeletion")]
    assert len(live) == asked.pop("AWS::KMS::Key", 0)
    assert {kind: len(items) for kind, items in found.items()} == asked
