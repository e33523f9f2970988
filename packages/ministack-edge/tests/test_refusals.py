# SPDX-License-Identifier: Apache-2.0
"""What CloudFormation refuses on AWS: names that are taken, protected things, imports."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from edge_testing.named import ACCOUNT, NAMED, ROLE
from ministack_edge.cloudformation.refusals import DEPRECATED_SECONDS
from ministack_edge.enforcement import extract

# One server and one order: the names are shared.
pytestmark = pytest.mark.xdist_group("local-aws-refusals")


@pytest.fixture(scope="module")
def aws_of(client):
    return lambda service: client(service, account=ACCOUNT)


@pytest.fixture(scope="module")
def make(aws_of, until):
    """Create a stack with one resource; returns its last status and the reasons of failures."""

    def create(name: str, kind: str, properties: dict[str, Any], **more: Any) -> tuple[str, str]:
        cloudformation = aws_of("cloudformation")
        body = {"Resources": {"One": {"Type": kind, "Properties": properties, **more}}}
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(body))
        return settled(cloudformation, until, name)

    return create


def settled(cloudformation: Any, until: Any, name: str) -> tuple[str, str]:
    def done() -> Any:
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        return None if status.endswith("IN_PROGRESS") else status

    status = until(done, what=name)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return status, " ".join(event.get("ResourceStatusReason", "") for event in events)


@pytest.mark.parametrize("kind", sorted(NAMED))
def test_a_name_that_is_taken_fails_the_creation(make, kind):
    stack = kind.replace("::", "-")
    status, reasons = make(stack, kind, NAMED[kind])
    assert status == "CREATE_COMPLETE", reasons
    status, reasons = make(f"{stack}-again", kind, NAMED[kind])
    assert status == "ROLLBACK_COMPLETE"
    assert "already exists" in reasons


@pytest.mark.parametrize(("policy", "stays"), [("Retain", True), ("RetainExceptOnCreate", False)])
def test_what_a_failed_creation_made_stays_or_goes(aws_of, until, policy, stays):
    cloudformation = aws_of("cloudformation")
    first = {"Type": "AWS::IoT::ThingGroup", "Properties": {"ThingGroupName": policy}}
    second = {**first, "Properties": {"ThingGroupName": "taken"}, "DependsOn": "First"}
    body = json.dumps({"Resources": {"First": {**first, "DeletionPolicy": policy}, "B": second}})
    cloudformation.create_stack(
        StackName=policy, TemplateBody=body, EnableTerminationProtection=True
    )
    assert settled(cloudformation, until, policy)[0] == "ROLLBACK_COMPLETE"
    groups = [one["groupName"] for one in aws_of("iot").list_thing_groups()["thingGroups"]]
    assert (policy in groups) == stays
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        cloudformation.delete_stack(StackName=policy)


def test_a_protected_table_is_not_deleted(make, aws_of, until):
    properties = {**NAMED["AWS::DynamoDB::Table"], "TableName": "protected"}
    properties["DeletionProtectionEnabled"] = True
    make("protected", "AWS::DynamoDB::Table", properties)
    cloudformation = aws_of("cloudformation")
    cloudformation.delete_stack(StackName="protected")
    status, reasons = settled(cloudformation, until, "protected")
    assert status == "DELETE_FAILED"
    assert "protected against deletion" in reasons


def test_a_thing_type_goes_five_minutes_after_its_deprecation(make, aws_of, until):
    iot = aws_of("iot")
    make("type", "AWS::IoT::ThingType", {"ThingTypeName": "camera"})
    iot.create_thing_type(thingTypeName="by-hand")
    iot.deprecate_thing_type(thingTypeName="by-hand")
    with pytest.raises(ClientError, match="5 minutes after deprecation and then retry"):
        iot.delete_thing_type(thingTypeName="by-hand")
    cloudformation = aws_of("cloudformation")
    stack = cloudformation.describe_stacks(StackName="type")["Stacks"][0]["StackId"]
    started = time.monotonic()
    cloudformation.delete_stack(StackName="type")
    assert settled(cloudformation, until, stack)[0] == "DELETE_COMPLETE"
    assert time.monotonic() - started >= DEPRECATED_SECONDS


def test_a_start_that_its_target_refuses_is_counted(aws_of, until):
    events = aws_of("events")
    events.put_rule(Name="starts-nothing", EventPattern=json.dumps({"source": ["test"]}))
    pipeline = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:pipeline/not-there"
    target = {"Id": "Pipeline", "Arn": pipeline, "RoleArn": ROLE}
    events.put_targets(Rule="starts-nothing", Targets=[target])
    events.put_events(Entries=[{"Source": "test", "DetailType": "any", "Detail": "{}"}])

    def counted() -> Any:
        return aws_of("cloudwatch").list_metrics(
            Namespace="AWS/Events",
            MetricName="FailedInvocations",
            Dimensions=[{"Name": "RuleName", "Value": "starts-nothing"}],
        )["Metrics"]

    until(counted, what="a failed invocation")


def importable(kind: str) -> bool:
    """Whether the schema's identifier can be in a template."""
    document = extract.schema(kind)
    computed = set(document.get("readOnlyProperties") or ())
    return not computed & set(document["primaryIdentifier"])


@pytest.mark.parametrize("kind", sorted(set(NAMED) - {"AWS::IoT::TopicRule"}))
def test_an_import_takes_what_the_template_itself_identifies(aws_of, until, kind):
    """The others are created, and meet the one that is there."""
    cloudformation = aws_of("cloudformation")
    stack = f"{kind.replace('::', '-')}-import"
    # Out of the stack that made it, so that another one may have it.
    owner = kind.replace("::", "-")
    body = {"Resources": {"One": {"Type": kind, "Properties": NAMED[kind]}}}
    body["Resources"]["One"]["DeletionPolicy"] = "RetainExceptOnCreate"
    cloudformation.update_stack(StackName=owner, TemplateBody=json.dumps(body))
    settled(cloudformation, until, owner)
    owner_id = cloudformation.describe_stacks(StackName=owner)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=owner)
    settled(cloudformation, until, owner_id)
    cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName="import",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(body),
        ImportExistingResources=True,
    )
    [change] = cloudformation.describe_change_set(StackName=stack, ChangeSetName="import")[
        "Changes"
    ]
    expected = "Import" if importable(kind) else "Add"
    assert change["ResourceChange"]["Action"] == expected
    cloudformation.execute_change_set(StackName=stack, ChangeSetName="import")
    status, reasons = settled(cloudformation, until, stack)
    if importable(kind):
        assert status == "CREATE_COMPLETE", reasons
    else:
        assert status == "ROLLBACK_COMPLETE"
        assert "already exists" in reasons
