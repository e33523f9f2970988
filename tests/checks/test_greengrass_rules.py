# SPDX-License-Identifier: Apache-2.0
"""Rules about Greengrass, each with what passes and what fails."""

import json

import pytest

from infra.checks.rules import (
    greengrass_artifact,
    greengrass_owner,
    greengrass_rollback,
    greengrass_rollout,
    greengrass_token_exchange,
)
from tests.checks.cases import SHA256, findings, policy, resource, role

CREDENTIALS = "credentials.iot.amazonaws.com"
GROUP = {"Fn::GetAtt": ["Group", "Arn"]}
GROUPS = {"Group": resource("AWS::IoT::ThingGroup", {"ThingGroupName": "dev-runtime"})}


def recipe(**artifact):
    body = {"Manifests": [{"Artifacts": [{"Uri": "s3://bucket/model.zip", **artifact}]}]}
    return {
        "C": resource("AWS::GreengrassV2::ComponentVersion", {"InlineRecipe": json.dumps(body)})
    }


def imported(code, version=None, arn=None):
    function = {"LambdaArn": arn or {"Ref": "V"}}
    return {
        "C": resource("AWS::GreengrassV2::ComponentVersion", {"LambdaFunction": function}),
        "F": resource("AWS::Lambda::Function", {"Code": code}),
        "V": resource("AWS::Lambda::Version", {"FunctionName": {"Ref": "F"}, **(version or {})}),
    }


def copied(key, name="model.zip"):
    """A component whose artifact the template itself puts into the bucket."""
    files = {name: {"Bucket": "assets", "Key": key}}
    properties = {"Bucket": {"Ref": "B"}, "Folder": "components/c/1.0.0", "Files": files}
    return {
        **recipe(Uri="s3://<B>/components/c/1.0.0/model.zip"),
        "A": resource(greengrass_artifact.COPIES, properties),
    }


def deployment(**properties):
    return resource("AWS::GreengrassV2::Deployment", {"TargetArn": GROUP, **properties})


@pytest.mark.parametrize(
    "resources",
    [
        recipe(Digest="x" * 44, Algorithm="SHA-256"),
        recipe(Uri=f"s3://bucket/components/{SHA256}.zip"),
        copied(f"{SHA256}.zip"),
        imported({"S3Key": f"{SHA256}.zip"}),
        imported({"ImageUri": f"registry/image@sha256:{SHA256}"}),
        imported({"S3Key": "code.zip"}, {"CodeSha256": "digest"}),
        imported({}, arn="arn:aws:lambda:eu-west-1:333333333333:function:camera:7"),
    ],
)
def test_a_pinned_artifact_passes(resources):
    assert findings(greengrass_artifact.RULE, resources) == []


@pytest.mark.parametrize(
    ("resources", "detail"),
    [
        (copied("latest.zip"), "components/c/1.0.0/model.zip' has no SHA-256"),
        (copied(f"{SHA256}.zip", "other.zip"), "1.0.0/model.zip' has no SHA-256"),
        (recipe(), "'s3://bucket/model.zip' has no SHA-256"),
        (recipe(Digest="x", Algorithm="MD5"), "has no SHA-256"),
        (imported({"S3Key": "code.zip"}), "not named by its SHA-256"),
        (imported({}, arn={"Fn::GetAtt": ["F", "Arn"]}), "not a published version"),
        (imported({}, arn="arn:aws:lambda:r:3:function:camera:latest"), "not a published version"),
        (
            {
                "C": resource(
                    "AWS::GreengrassV2::ComponentVersion", {"InlineRecipe": "Manifests: []"}
                )
            },
            "not JSON",
        ),
    ],
)
def test_an_artifact_that_can_change_fails(resources, detail):
    [(logical_id, _, said)] = findings(greengrass_artifact.RULE, resources)
    assert logical_id == "C"
    assert detail in said


def test_rollback_is_stated():
    def handling(value):
        return {"D": deployment(DeploymentPolicies=value)}

    assert findings(greengrass_rollback.RULE, handling({"FailureHandlingPolicy": "ROLLBACK"})) == []
    for value in ({}, {"FailureHandlingPolicy": "DO_NOTHING"}, None):
        [(logical_id, path, _)] = findings(greengrass_rollback.RULE, handling(value))
        assert logical_id == "D"
        assert path == "Properties.DeploymentPolicies.FailureHandlingPolicy"


def test_rollout_and_abort_are_stated():
    rate = {"JobExecutionsRolloutConfig": {"MaximumPerMinute": 10}}
    abort = {"AbortConfig": {"CriteriaList": [{"Action": "CANCEL"}]}}

    def job(**configuration):
        return {"D": deployment(IotJobConfiguration=configuration)}

    assert findings(greengrass_rollout.RULE, job(**rate, **abort)) == []
    exponential = {"JobExecutionsRolloutConfig": {"ExponentialRate": {"BaseRatePerMinute": 1}}}
    assert findings(greengrass_rollout.RULE, job(**exponential, **abort)) == []
    paths = {
        "rate": "Properties.IotJobConfiguration.JobExecutionsRolloutConfig",
        "abort": "Properties.IotJobConfiguration.AbortConfig",
    }
    assert [path for _, path, _ in findings(greengrass_rollout.RULE, job(**abort))] == [
        paths["rate"]
    ]
    assert [path for _, path, _ in findings(greengrass_rollout.RULE, job(**rate))] == [
        paths["abort"]
    ]
    assert len(findings(greengrass_rollout.RULE, {"D": deployment()})) == 2


def rollout_function(group, *actions):
    return {
        "Role": role("lambda.amazonaws.com", {"Action": list(actions), "Resource": "*"}),
        "F": resource(
            "AWS::Lambda::Function",
            {
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Environment": {"Variables": {"FLEET_GROUP_ARN": group}},
            },
        ),
    }


WRITTEN_OUT = "arn:aws:iot:eu-west-1:333333333333:thinggroup/dev-runtime"


def test_one_owner_passes():
    other = {"Other": resource("AWS::IoT::ThingGroup", {"ThingGroupName": "dev-fleet"})}
    to_other = {"Fn::GetAtt": ["Other", "Arn"]}
    program = rollout_function(to_other, "greengrass:CreateDeployment")
    assert findings(greengrass_owner.RULE, {**GROUPS, **other, "D": deployment(), **program}) == []
    # A program that only looks is no owner.
    looks = rollout_function(GROUP, "greengrass:GetDeployment")
    assert findings(greengrass_owner.RULE, {**GROUPS, "D": deployment(), **looks}) == []


@pytest.mark.parametrize(
    "second",
    [
        {"E": deployment()},
        {"E": deployment(TargetArn=WRITTEN_OUT)},
        rollout_function(GROUP, "greengrass:CreateDeployment"),
        rollout_function(WRITTEN_OUT, "greengrass:CreateDeployment"),
        {
            "M": resource(
                "AWS::StepFunctions::StateMachine",
                {
                    "DefinitionString": {
                        "Fn::Join": [
                            "",
                            ["arn:aws:states:::aws-sdk:greengrassv2:createDeployment", GROUP],
                        ]
                    }
                },
            )
        },
    ],
)
def test_a_second_owner_fails(second):
    [(logical_id, _, detail)] = findings(
        greengrass_owner.RULE, {**GROUPS, "D": deployment(), **second}
    )
    assert logical_id in ("E", "F", "M")
    assert "dev-runtime already gets its deployments from Stack0/D" in detail


def test_a_second_owner_in_another_stack_fails():
    [(logical_id, _, detail)] = findings(
        greengrass_owner.RULE,
        {**GROUPS, "D": deployment()},
        {"E": deployment(TargetArn=WRITTEN_OUT)},
    )
    assert (logical_id, "Stack0/D" in detail) == ("E", True)


BUCKET = {"Fn::GetAtt": ["Bucket", "Arn"]}


def on(key):
    return {"Fn::Join": ["", [BUCKET, "/", key]]}


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "s3:GetObject", "Resource": on("components/*")},
        {"Action": "s3:GetBucketLocation", "Resource": BUCKET},
        {"Action": "s3:PutObject", "Resource": on("captures/${credentials-iot:ThingName}/*")},
        {"Action": "kms:Decrypt", "Resource": {"Fn::GetAtt": ["Key", "Arn"]}},
    ],
)
def test_the_component_prefix_passes(statement):
    assert findings(greengrass_token_exchange.RULE, {"R": role(CREDENTIALS, statement)}) == []


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        ({"Action": "s3:GetObject", "Resource": on("*")}, "outside components/"),
        ({"Action": "s3:GetObject", "Resource": on("models/*")}, "outside components/"),
        ({"Action": "s3:PutObject", "Resource": on("captures/*")}, "below their own name"),
        ({"Action": "s3:DeleteObject", "Resource": on("components/*")}, "does not need"),
        ({"Action": "s3:*", "Resource": on("components/*")}, "'s3:*'"),
        ({"Action": "kms:Decrypt", "Resource": "*"}, "on everything"),
        ({"NotAction": "iam:CreateUser", "Resource": on("components/*")}, "NotAction"),
    ],
)
def test_a_wider_token_exchange_role_fails(statement, detail):
    [(logical_id, path, said)] = findings(
        greengrass_token_exchange.RULE, {"R": role(CREDENTIALS, statement)}
    )
    assert (logical_id, path) == ("R", "Properties.Policies.0.PolicyDocument.Statement.0")
    assert detail in said


def test_a_token_exchange_role_is_followed_to_its_policies():
    wide = {"PolicyDocument": policy({"Action": "s3:GetObject", "Resource": on("*")})}
    resources = {
        "R": role(
            CREDENTIALS,
            ManagedPolicyArns=[{"Ref": "P"}, "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
        ),
        "P": resource("AWS::IAM::ManagedPolicy", wide),
        "Q": resource("AWS::IAM::Policy", {**wide, "Roles": [{"Ref": "R"}]}),
        "Unattached": resource("AWS::IAM::ManagedPolicy", wide),
        "Elsewhere": role("lambda.amazonaws.com", {"Action": "s3:GetObject", "Resource": on("*")}),
    }
    found = findings(greengrass_token_exchange.RULE, resources)
    assert [logical_id for logical_id, _, _ in found] == ["R", "P", "Q"]
