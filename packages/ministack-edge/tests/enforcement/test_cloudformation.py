# SPDX-License-Identifier: Apache-2.0
"""CloudFormation acts as its role: what the role lacks fails the resource, and the stack goes back.

Each role here has exactly what a topic, a table or a pipeline needs by its schema, less one thing.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from edge_testing.enforcing import ACCOUNT, REGION, allow

BY_CLOUDFORMATION = {"Principal": {"Service": "cloudformation.amazonaws.com"}}
ALL = allow("*")
TOPIC = [
    "sns:CreateTopic",
    "sns:DeleteTopic",
    "sns:GetDataProtectionPolicy",
    "sns:GetTopicAttributes",
    "sns:ListSubscriptionsByTopic",
    "sns:ListTagsForResource",
    "sns:SetTopicAttributes",
    "sns:TagResource",
    "sns:UntagResource",
]
_numbers = itertools.count(1)


def topic(display: str = "first") -> dict[str, Any]:
    return {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": display}}}


class Stack:
    """One stack in the hands of a person, and what became of it."""

    def __init__(self, person: Any) -> None:
        self.name = f"enforced-{next(_numbers)}"
        self.client = person.client("cloudformation")

    def ask(self, verb: str, resources: Any = None, **more: Any) -> str:
        """Create, update or delete it; the status in which it comes to rest."""
        body = {} if resources is None else {"TemplateBody": json.dumps({"Resources": resources})}
        before = (
            self.client.describe_stacks(StackName=self.name)["Stacks"] if verb != "create" else []
        )
        name = before[0]["StackId"] if before else self.name
        getattr(self.client, f"{verb}_stack")(StackName=self.name, **body, **more)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            time.sleep(0.05)
            found = self.client.describe_stacks(StackName=name)["Stacks"][0]
            if not found["StackStatus"].endswith("IN_PROGRESS"):
                return str(found["StackStatus"])
        raise AssertionError(f"{self.name}: {found}")

    def reasons(self) -> str:
        events = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
        return "\n".join(
            event.get("ResourceStatusReason", "")
            for event in events
            if event["ResourceStatus"].endswith("FAILED")
        )

    def await_reason(self, text: str) -> None:
        """Wait until a resource has failed for a reason with this text."""
        deadline = time.monotonic() + 90
        while text not in self.reasons():
            assert time.monotonic() < deadline, self.reasons()
            time.sleep(0.05)


@pytest.fixture
def execution(new_role: Callable[..., str]) -> Callable[..., str]:
    """A role that CloudFormation may assume, with these actions or statements."""

    def make(*allowed: Any) -> str:
        statements = [allow(one) if isinstance(one, str) else one for one in allowed]
        return new_role(*statements, trust=BY_CLOUDFORMATION)

    return make


@pytest.fixture
def stack(person: Callable[..., Any]) -> Stack:
    """A stack of somebody who may ask CloudFormation for anything and hand it any role."""
    return Stack(person(allow("cloudformation:*", "iam:PassRole")))


def without(action: str) -> list[str]:
    assert action in TOPIC
    return [one for one in TOPIC if one != action]


def test_with_all_that_the_schema_lists_it_lives_and_dies(
    stack: Stack, execution: Callable[..., str], decisions: Callable[[], list[dict[str, Any]]]
) -> None:
    role = execution(*TOPIC)
    assert stack.ask("create", topic(), RoleARN=role) == "CREATE_COMPLETE"
    assert stack.ask("update", topic("second"), RoleARN=role) == "UPDATE_COMPLETE"
    assert stack.ask("delete") == "DELETE_COMPLETE"
    made = [line for line in decisions() if line["principal"] == role]
    assert {line["action"] for line in made} == set(TOPIC)
    assert all(f":{stack.name}-Topic-" in line["resource"] for line in made)


@pytest.mark.parametrize(
    "action", ["sns:CreateTopic", "sns:TagResource", "sns:ListTagsForResource"]
)
def test_a_creation_that_is_refused_rolls_back(
    stack: Stack, execution: Callable[..., str], action: str
) -> None:
    role = execution(*without(action))
    assert stack.ask("create", topic(), RoleARN=role) == "ROLLBACK_COMPLETE"
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/AWSCloudFormation"
    said = f"User: {session} is not authorized to perform: {action} on resource: arn:aws:sns:"
    assert said in stack.reasons()


def test_an_update_that_is_refused_leaves_what_was(
    stack: Stack, execution: Callable[..., str], root: Any
) -> None:
    role = execution(*without("sns:SetTopicAttributes"))
    assert stack.ask("create", topic(), RoleARN=role) == "CREATE_COMPLETE"
    assert stack.ask("update", topic("second"), RoleARN=role) == "UPDATE_ROLLBACK_COMPLETE"
    assert "sns:SetTopicAttributes" in stack.reasons()
    [resource] = stack.client.list_stack_resources(StackName=stack.name)["StackResourceSummaries"]
    attributes = root.client("sns").get_topic_attributes(TopicArn=resource["PhysicalResourceId"])
    assert attributes["Attributes"]["DisplayName"] == "first"


def test_a_deletion_that_is_refused_fails_the_stack(
    stack: Stack, execution: Callable[..., str]
) -> None:
    assert (
        stack.ask("create", topic(), RoleARN=execution(*without("sns:DeleteTopic")))
        == "CREATE_COMPLETE"
    )
    # Nobody names the role again: CloudFormation keeps it with the stack.
    assert stack.ask("delete") == "DELETE_FAILED"
    assert "sns:DeleteTopic" in stack.reasons()
    # A role that may makes up for it.
    assert stack.ask("delete", RoleARN=execution(*TOPIC)) == "DELETE_COMPLETE"


def test_another_stack_s_resource_is_not_covered(
    stack: Stack, execution: Callable[..., str]
) -> None:
    elsewhere = allow(*TOPIC, on=f"arn:aws:sns:*:{ACCOUNT}:other-*")
    assert stack.ask("create", topic(), RoleARN=execution(elsewhere)) == "ROLLBACK_COMPLETE"
    assert f"on resource: arn:aws:sns:{REGION}:{ACCOUNT}:{stack.name}-Topic-" in stack.reasons()


def test_the_tags_of_a_request_are_conditions(stack: Stack, execution: Callable[..., str]) -> None:
    tagged = {"Tags": [{"Key": "team", "Value": "plant"}]}
    ours = allow(
        "sns:CreateTopic", "sns:TagResource",
        when={"StringEquals": {"aws:RequestTag/team": "plant"}},
    )  # fmt: skip
    rest = [one for one in TOPIC if one not in ("sns:CreateTopic", "sns:TagResource")]
    role = execution(ours, *rest)
    assert stack.ask("create", topic(), RoleARN=role) == "ROLLBACK_COMPLETE"
    assert stack.ask("create", topic(), RoleARN=role, **tagged) == "CREATE_COMPLETE"


def pipeline(role: str) -> dict[str, Any]:
    definition = {"Version": "2020-12-01", "Parameters": [], "Steps": []}
    return {
        "Pipeline": {
            "Type": "AWS::SageMaker::Pipeline",
            "Properties": {
                "PipelineName": f"handed-on-{next(_numbers)}",
                "PipelineDefinition": {"PipelineDefinitionBody": json.dumps(definition)},
                "RoleArn": role,
            },
        }
    }


def test_a_role_is_handed_on_to_the_service_that_the_condition_names(
    stack: Stack, execution: Callable[..., str], new_role: Callable[..., str]
) -> None:
    handed = new_role(trust={"Principal": {"Service": "sagemaker.amazonaws.com"}})

    def passing(service: str) -> dict[str, Any]:
        return allow(
            "iam:PassRole", on=handed, when={"StringEquals": {"iam:PassedToService": service}}
        )

    wrong = execution("sagemaker:*", passing("lambda.amazonaws.com"))
    assert stack.ask("create", pipeline(handed), RoleARN=wrong) == "ROLLBACK_COMPLETE"
    assert f"iam:PassRole on resource: {handed}" in stack.reasons()
    right = execution("sagemaker:*", passing("sagemaker.amazonaws.com"))
    assert stack.ask("create", pipeline(handed), RoleARN=right) == "CREATE_COMPLETE"


def test_a_key_is_used_through_the_service_that_the_condition_names(
    stack: Stack, execution: Callable[..., str], root: Any
) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
    }
    key = root.client("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
    table = {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
                "SSESpecification": {
                    "SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": key,
                },
            },
        }
    }  # fmt: skip

    def through(service: str) -> dict[str, Any]:
        return allow("kms:*", on=key, when={"StringLike": {"kms:ViaService": f"{service}.*"}})

    wrong = execution("dynamodb:*", through("s3"))
    assert stack.ask("create", table, RoleARN=wrong) == "ROLLBACK_COMPLETE"
    assert "is not authorized to perform: kms:" in stack.reasons()
    right = execution("dynamodb:*", through("dynamodb"))
    assert stack.ask("create", table, RoleARN=right) == "CREATE_COMPLETE"


def test_a_custom_resource_invokes_its_function_as_the_role(
    stack: Stack, execution: Callable[..., str]
) -> None:
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:provider"
    custom = {"Own": {"Type": "Custom::Own", "Properties": {"ServiceToken": function}}}
    assert stack.ask("create", custom, RoleARN=execution(*TOPIC)) == "ROLLBACK_COMPLETE"
    assert f"lambda:InvokeFunction on resource: {function}" in stack.reasons()


def test_whoever_hands_cloudformation_a_role_must_be_allowed_to(
    person: Callable[..., Any], execution: Callable[..., str]
) -> None:
    stack = Stack(person(allow("cloudformation:*")))
    with pytest.raises(ClientError, match="not authorized to perform: iam:PassRole") as caught:
        stack.ask("create", topic(), RoleARN=execution(*TOPIC))
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_a_role_that_does_not_trust_cloudformation_cannot_be_used(
    stack: Stack, new_role: Callable[..., str]
) -> None:
    role = new_role(ALL, trust={"Principal": {"Service": "lambda.amazonaws.com"}})
    with pytest.raises(ClientError, match="sts:AssumeRole"):
        stack.ask("create", topic(), RoleARN=role)


def test_without_a_role_the_caller_s_own_rights_count(person: Callable[..., Any]) -> None:
    stack = Stack(person(allow("cloudformation:*"), allow(*without("sns:TagResource"))))
    assert stack.ask("create", topic()) == "ROLLBACK_COMPLETE"
    assert "sns:TagResource" in stack.reasons()
    assert Stack(person(allow("cloudformation:*"), allow(*TOPIC))).ask("create", topic()) == (
        "CREATE_COMPLETE"
    )


def test_stored_parameters_are_read_as_the_role(
    stack: Stack, execution: Callable[..., str], root: Any
) -> None:
    root.client("ssm").put_parameter(Name="/enforced/version", Type="String", Value="1")
    kind = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/enforced/version"}
    body = json.dumps({"Parameters": {"Version": kind}, "Resources": topic()})
    more = {"StackName": stack.name, "TemplateBody": body}
    with pytest.raises(ClientError, match="ssm:GetParameters"):
        stack.client.create_stack(**more, RoleARN=execution(*TOPIC))
    stack.client.create_stack(**more, RoleARN=execution(*TOPIC, "ssm:GetParameters"))


def test_a_change_set_is_executed_as_the_role_that_it_was_made_with(
    stack: Stack, execution: Callable[..., str]
) -> None:
    stack.client.create_change_set(
        StackName=stack.name,
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps({"Resources": topic()}),
        RoleARN=execution(*without("sns:CreateTopic")),
    )
    stack.client.execute_change_set(StackName=stack.name, ChangeSetName="first")
    stack.await_reason("sns:CreateTopic")


def test_drift_is_found_with_the_rights_of_whoever_asks(
    stack: Stack, person: Callable[..., Any], execution: Callable[..., str]
) -> None:
    assert stack.ask("create", topic(), RoleARN=execution(*TOPIC)) == "CREATE_COMPLETE"

    def drift(*reading: str) -> Any:
        client = person(allow("cloudformation:*", *reading)).client("cloudformation")
        asked = client.detect_stack_drift(StackName=stack.name)["StackDriftDetectionId"]
        return client.describe_stack_drift_detection_status(StackDriftDetectionId=asked)

    assert drift()["DetectionStatus"] == "DETECTION_FAILED"
    assert drift("sns:*")["StackDriftStatus"] == "IN_SYNC"


def test_what_is_imported_is_read_first(
    stack: Stack, execution: Callable[..., str], root: Any
) -> None:
    arn = root.client("sns").create_topic(Name=f"kept-{next(_numbers)}")["TopicArn"]
    body = {
        "Resources": {
            "Topic": {
                "Type": "AWS::SNS::Topic",
                "DeletionPolicy": "Retain",
                "Properties": {"TopicName": arn.rpartition(":")[2]},
            }
        }
    }

    reading = [one for one in TOPIC if ":Get" in one or ":List" in one]
    stack.client.create_change_set(
        StackName=stack.name,
        ChangeSetName="adopt",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps(body),
        RoleARN=execution(*(one for one in reading if one != "sns:GetTopicAttributes")),
        ResourcesToImport=[
            {
                "ResourceType": "AWS::SNS::Topic",
                "LogicalResourceId": "Topic",
                "ResourceIdentifier": {"TopicArn": arn},
            }
        ],
    )
    stack.client.execute_change_set(StackName=stack.name, ChangeSetName="adopt")
    stack.await_reason(f"sns:GetTopicAttributes on resource: {arn}")
