# SPDX-License-Identifier: Apache-2.0
"""Rules about logs and about every resource, each with what passes and what fails."""

import pytest

from infra.checks.rules import (
    deletion_policy,
    lambda_log_group,
    log_retention,
    physical_names,
)
from tests.checks.cases import findings, resource

LOGS = {"L": resource("AWS::Logs::LogGroup", {"RetentionInDays": 30})}


@pytest.mark.parametrize(
    "resources",
    [
        {
            **LOGS,
            "F": resource("AWS::Lambda::Function", {"LoggingConfig": {"LogGroup": {"Ref": "L"}}}),
        },
        {
            "L": resource("AWS::Logs::LogGroup", {"LogGroupName": "/aws/lambda/rollout"}),
            "F": resource("AWS::Lambda::Function", {"FunctionName": "rollout"}),
        },
        {
            "L": resource(
                "AWS::Logs::LogGroup",
                {"LogGroupName": {"Fn::Join": ["", ["/aws/lambda/", {"Ref": "F"}]]}},
            ),
            "F": resource("AWS::Lambda::Function"),
        },
        {
            "L": resource("AWS::Logs::LogGroup", {"LogGroupName": {"Fn::Sub": "/aws/lambda/${F}"}}),
            "F": resource("AWS::Lambda::Function"),
        },
    ],
)
def test_a_declared_log_group_passes(resources):
    assert findings(lambda_log_group.RULE, resources) == []


@pytest.mark.parametrize(
    "configured", [None, {}, {"LogGroup": "somewhere"}, {"LogGroup": {"Ref": "F"}}]
)
def test_a_log_group_nobody_declared_fails(configured):
    function = resource("AWS::Lambda::Function", {"LoggingConfig": configured})
    [(logical_id, path, _)] = findings(lambda_log_group.RULE, {**LOGS, "F": function})
    assert (logical_id, path) == ("F", "Properties.LoggingConfig.LogGroup")


def test_a_retention_is_asked_for():
    assert findings(log_retention.RULE, LOGS) == []
    [(logical_id, path, _)] = findings(log_retention.RULE, {"L": resource("AWS::Logs::LogGroup")})
    assert (logical_id, path) == ("L", "Properties.RetentionInDays")


def test_deletion_policies_are_asked_for():
    both = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    passing = {
        "A": resource("AWS::S3::Bucket", **both),
        "CDKMetadata": resource("AWS::CDK::Metadata"),
    }
    assert findings(deletion_policy.RULE, passing) == []
    failing = {
        "A": resource("AWS::S3::Bucket"),
        "B": resource("AWS::S3::Bucket", DeletionPolicy="Retain"),
        "C": resource("AWS::S3::Bucket", UpdateReplacePolicy="Retain"),
    }
    assert [
        (logical_id, path) for logical_id, path, _ in findings(deletion_policy.RULE, failing)
    ] == [
        ("A", "DeletionPolicy"),
        ("B", "UpdateReplacePolicy"),
        ("C", "DeletionPolicy"),
    ]


@pytest.mark.parametrize(
    ("type_", "properties"),
    [
        ("AWS::S3::Bucket", {}),
        ("AWS::IoT::ThingGroup", {"ThingGroupName": "binsight-dev-runtime"}),
        ("AWS::IoT::TopicRule", {"RuleName": "binsight_dev_archive"}),
        ("AWS::Glue::Database", {"DatabaseInput": {"Name": "binsight_dev"}}),
        ("AWS::Logs::LogGroup", {"LogGroupName": {"Fn::Join": ["/", ["/aws", "binsight-dev"]]}}),
        ("AWS::Lambda::Version", {"FunctionName": "anything"}),
    ],
)
def test_a_needed_name_with_the_prefix_passes(type_, properties):
    assert (
        findings(physical_names.RULE, {"A": resource(type_, properties)}, prefix="binsight-dev")
        == []
    )


@pytest.mark.parametrize(
    ("type_", "properties", "path"),
    [
        ("AWS::S3::Bucket", {"BucketName": "binsight-dev-photos"}, "Properties.BucketName"),
        ("AWS::IAM::Role", {"RoleName": {"Ref": "Name"}}, "Properties.RoleName"),
        ("AWS::IoT::ThingGroup", {"ThingGroupName": "cameras"}, "Properties.ThingGroupName"),
        (
            "AWS::Glue::Database",
            {"DatabaseInput": {"Name": "detections"}},
            "Properties.DatabaseInput.Name",
        ),
    ],
)
def test_a_name_outside_the_settings_fails(type_, properties, path):
    found = findings(physical_names.RULE, {"A": resource(type_, properties)}, prefix="binsight-dev")
    assert [(logical_id, where) for logical_id, where, _ in found] == [("A", path)]
