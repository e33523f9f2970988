# SPDX-License-Identifier: Apache-2.0
"""Roles may do what their lists say: exact actions, one managed policy, nothing by side effect."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from infra.common.log_group import log_group
from infra.common.permissions import list_objects, read_objects, use_data_key, write_logs
from infra.common.role import Allow, ServiceRole
from infra.common.stack import EnvironmentStack, environment_of
from infra.config.settings import load

BUCKET = "arn:aws:s3:::bucket"
PARTITION = dynamodb.Attribute(name="k", type=dynamodb.AttributeType.STRING)
KEY = "arn:aws:kms:us-east-1:111111111111:key/0"


@pytest.fixture
def stack() -> EnvironmentStack:
    return EnvironmentStack(cdk.App(), "Test", settings=load("dev"), key_arn=KEY)


@pytest.fixture
def bucket(stack: EnvironmentStack) -> s3.IBucket:
    return s3.Bucket.from_bucket_arn(stack, "Bucket", BUCKET)


def role(stack: EnvironmentStack, *allow: Allow) -> ServiceRole:
    return ServiceRole(
        stack, "Of", service="lambda.amazonaws.com", description="Of the test", allow=allow
    )


def only(stack: EnvironmentStack, kind: str) -> dict[str, Any]:
    [found] = Template.from_stack(stack).find_resources(kind).values()
    return dict(found)


@pytest.mark.parametrize("actions", [["s3:*"], ["s3:Get*"], ["*"], []])
def test_actions_are_named_one_by_one(actions: list[str]) -> None:
    with pytest.raises(ValueError, match="name each action"):
        Allow(actions=actions, resources=[BUCKET])


def test_a_statement_is_sorted_and_keeps_its_condition() -> None:
    statement = Allow(
        actions=["s3:PutObject", "s3:GetObject"],
        resources=[BUCKET],
        conditions={"Bool": {"a": "true"}},
    ).to_statement_json()
    assert statement == {
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": BUCKET,
        "Condition": {"Bool": {"a": "true"}},
    }


def test_a_wildcard_in_a_resource_needs_a_reason(stack: EnvironmentStack) -> None:
    wide = Allow(actions=["s3:GetObject"], resources=[f"{BUCKET}/*"])
    with pytest.raises(ValueError, match="a wildcard needs a reason"):
        role(stack, wide)


def test_the_reason_is_the_acknowledgement_of_the_exact_finding(stack: EnvironmentStack) -> None:
    why = "Objects are named by cameras, not at deployment."
    made = role(stack, Allow(actions=["s3:GetObject"], resources=[f"{BUCKET}/*"], why=why))
    noted = [entry.data for entry in made.policy.node.metadata if "acknowledged" in entry.type]
    [reasons] = noted
    assert {key.rpartition("::AwsSolutions")[2]: value for key, value in reasons.items()} == {
        f"-IAM5[Resource::{BUCKET}/*]": why
    }


def test_constructs_that_get_the_fixed_role_add_nothing_to_it(stack: EnvironmentStack) -> None:
    made = role(stack, Allow(actions=["s3:ListBucket"], resources=[BUCKET]))
    table = dynamodb.Table(
        stack,
        "Table",
        partition_key=dynamodb.Attribute(name="k", type=dynamodb.AttributeType.STRING),
    )
    lambda_.Function(
        stack,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_14,
        handler="x.y",
        code=lambda_.Code.from_inline("pass"),
        role=made.fixed,
        tracing=lambda_.Tracing.ACTIVE,
        dead_letter_queue_enabled=True,
    )
    table.grant_read_data(made.fixed)
    assert Template.from_stack(stack).find_resources("AWS::IAM::Policy") == {}
    document = only(stack, "AWS::IAM::ManagedPolicy")["Properties"]["PolicyDocument"]
    assert [one["Action"] for one in document["Statement"]] == ["s3:ListBucket"]
    assert "ManagedPolicyArns" in only(stack, "AWS::IAM::Role")["Properties"]


def test_an_exact_grant_goes_into_the_one_policy(stack: EnvironmentStack) -> None:
    made = role(stack)
    table = dynamodb.Table(
        stack,
        "Table",
        partition_key=dynamodb.Attribute(name="k", type=dynamodb.AttributeType.STRING),
    )
    table.grants.actions(made.policy, "dynamodb:PutItem")
    document = only(stack, "AWS::IAM::ManagedPolicy")["Properties"]["PolicyDocument"]
    assert [one["Action"] for one in document["Statement"]] == ["dynamodb:PutItem"]
    assert Template.from_stack(stack).find_resources("AWS::IAM::Policy") == {}


def test_objects_are_read_below_the_prefixes_only(bucket: s3.IBucket) -> None:
    statement = read_objects(bucket, ["runs/*"]).to_statement_json()
    assert statement["Resource"] == f"{BUCKET}/runs/*"
    condition = list_objects(bucket, ["runs/*"]).to_statement_json()["Condition"]
    assert condition == {"StringLike": {"s3:prefix": ["runs/*"]}}


def test_the_key_is_used_through_the_named_services_only(stack: EnvironmentStack) -> None:
    statement = use_data_key(stack, ["s3"]).to_statement_json()
    assert statement["Resource"] == KEY
    region = stack.settings.region
    assert statement["Condition"] == {
        "StringEquals": {"kms:ViaService": [f"s3.{region}.amazonaws.com"]}
    }


def test_a_log_group_that_exists_is_not_created(stack: EnvironmentStack) -> None:
    group = log_group(stack, "Logs")
    assert "logs:CreateLogGroup" not in write_logs(group).to_statement_json()["Action"]
    properties = only(stack, "AWS::Logs::LogGroup")["Properties"]
    assert properties == {
        "KmsKeyId": KEY,
        "RetentionInDays": stack.settings.data.log_days,
    } | {key: value for key, value in properties.items() if key == "Tags"}


def test_a_construct_outside_of_an_environment_is_an_error() -> None:
    group = logs.LogGroup(cdk.Stack(cdk.App(), "Other"), "Group")
    with pytest.raises(TypeError, match="Other/Group is not in an EnvironmentStack"):
        environment_of(group)
