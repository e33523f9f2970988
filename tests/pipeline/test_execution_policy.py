# SPDX-License-Identifier: Apache-2.0
"""The policy that limits CloudFormation: enough for what Binsight deploys, and not more.

What each resource type needs is in the official schemas that cfn-lint carries (``handlers``).
"""

import fnmatch
import json
import re
from functools import cache
from pathlib import Path

import cfnlint
import pytest

from tools.first_deployment import EXECUTION_POLICY

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOTS = ROOT / "tests" / "synth" / "snapshots"
SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas" / "resources"
POLICY = json.loads((ROOT / EXECUTION_POLICY).read_text())
MAXIMUM_CHARACTERS = 6144
"""IAM's limit for a managed policy, white space not counted."""

UNUSED = {
    # Properties that no Binsight template sets.
    "AWS::DynamoDB::Table": (
        "dynamodb:AssociateTableReplica dynamodb:BatchWriteItem dynamodb:CreateTableReplica "
        "dynamodb:DeleteItem dynamodb:*ResourcePolicy dynamodb:*KinesisStreamingDestination "
        "dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:Scan "
        "dynamodb:UpdateContributorInsights dynamodb:UpdateItem iam:CreateServiceLinkedRole "
        "kinesis:* kms:ListAliases logs:* s3:*"
    ),
    "AWS::GreengrassV2::Deployment": "iot:*ThingShadow",  # for deployments to single things
    "AWS::Glue::Database": "glue:*Connection lakeformation:*",
    "AWS::Glue::Table": ("glue:GetSchemaVersion glue:PassConnection lakeformation:* s3:PutObject"),
    "AWS::IAM::ManagedPolicy": "iam:*GroupPolicy iam:*UserPolicy",
    "AWS::IAM::Role": "iam:DeleteRolePermissionsBoundary",
    "AWS::Lambda::Function": (
        "ec2:* elasticfilesystem:* lambda:AssociateRuntimeAlias lambda:*CodeSigningConfig "
        "lambda:PassCapacityProvider lambda:PutFunctionRecursionConfig "
        "lambda:*ScalingConfig lambda:*RuntimeManagementConfig s3files:*"
    ),
    "AWS::Lambda::Version": (
        "lambda:*ScalingConfig lambda:*ProvisionedConcurrencyConfig lambda:*RuntimeManagementConfig"
    ),
    "AWS::Logs::LogGroup": (
        "logs:*DataProtectionPolicy logs:*Index* logs:DeleteResourcePolicy "
        "logs:PutBearerTokenAuthentication logs:PutLogGroupDeletionProtection s3:REST.PUT.OBJECT"
    ),
    "AWS::S3::Bucket": "s3:DeleteObject s3:PutObject* s3tables:*",
    "AWS::SNS::Topic": "sns:PutDataProtectionPolicy",
    # Only for a notebook in a VPC of one's own: docs/training.md says what to add then.
    "AWS::SageMaker::NotebookInstance": "ec2:*",
}
"""Permissions in the schemas for features that Binsight does not use."""


@cache
def deployed():
    """The types of the committed snapshots, with the properties that are set."""
    types = {}
    for file in SNAPSHOTS.rglob("*.json"):
        for body in json.loads(file.read_text())["Resources"].values():
            if not body["Type"].startswith("Custom::"):
                types.setdefault(body["Type"], set()).update(body.get("Properties", {}))
    return types


@cache
def needed():
    """Per type: what creating, changing, reading and deleting it takes."""
    found = {}
    for file in SCHEMAS.glob("*.json"):
        text = file.read_text(encoding="utf-8")
        names = re.findall(r'"typeName": ?"([^"]+)"', text)
        if not names or names[-1] not in deployed():  # a property may be called typeName too
            continue
        schema = json.loads(text)
        # A type has several schemas where regions differ.
        known = found.setdefault(schema["typeName"], set())
        for kind, handler in schema["handlers"].items():
            if kind != "list":
                known.update(handler.get("permissions", []))
    return found


def actions(effect="Allow"):
    for statement in POLICY["Statement"]:
        if statement["Effect"] == effect:
            action = statement["Action"]
            yield from (
                (one, statement) for one in ([action] if isinstance(action, str) else action)
            )


def listed(value):
    return [value] if isinstance(value, str) else value


def covers(pattern, action):
    """As IAM compares: without regard to case."""
    return fnmatch.fnmatchcase(action.lower(), pattern.lower())


def allowed(action):
    return any(covers(pattern, action) for pattern, _ in actions())


def test_every_deployed_type_has_a_schema():
    assert len(deployed()) > 20
    assert set(needed()) == set(deployed())


@pytest.mark.parametrize("type_", sorted(deployed()))
def test_what_a_type_needs_is_allowed(type_):
    unused = UNUSED.get(type_, "").split()
    missing = [
        action
        for action in sorted(needed()[type_])
        if not allowed(action) and not any(covers(one, action) for one in unused)
    ]
    assert missing == [], f"add them to {EXECUTION_POLICY}, or to UNUSED with the reason"


def test_every_exception_is_still_one():
    for type_, patterns in UNUSED.items():
        for pattern in patterns.split():
            assert any(
                covers(pattern, action) and not allowed(action) for action in needed()[type_]
            ), f"{type_}: {pattern}"


def test_no_service_is_open_and_no_other_service_is_named():
    for action, statement in actions():
        service, verb = action.split(":")
        assert len(verb.strip("*")) >= 3, f"{statement['Sid']}: {action}"
        assert service in {
            "cloudwatch", "dynamodb", "events", "firehose", "glue", "greengrass", "iam", "iot",
            "kms", "lambda", "logs", "s3", "sagemaker", "sns", "ssm", "states",
        }  # fmt: skip


def test_everything_means_everything_only_where_there_are_no_resources():
    wide = {statement["Sid"] for _, statement in actions() if "*" in listed(statement["Resource"])}
    assert wide == {"NoResourceLevel"}


def test_roles_are_made_under_the_prefix_and_get_own_policies_only():
    for action, statement in actions():
        if action.startswith("iam:"):
            for resource in listed(statement["Resource"]):
                assert re.fullmatch(r"arn:aws:iam::\*:(role|policy)/binsight-\*", resource)
    conditions = {action: statement.get("Condition") for action, statement in actions()}
    assert conditions["iam:AttachRolePolicy"] == {
        "ArnLike": {"iam:PolicyARN": "arn:aws:iam::*:policy/binsight-*"}
    }
    assert "iam:PassedToService" in conditions["iam:PassRole"]["StringEquals"]


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("iam:CreatePolicyVersion", "arn:aws:iam::1:policy/binsight-cloudformation"),
        ("iam:UpdateAssumeRolePolicy", "arn:aws:iam::1:role/binsight-dev-pipeline-roles-Deploy-X"),
        ("iam:AttachRolePolicy", "arn:aws:iam::1:role/cdk-hnb659fds-cfn-exec-role-1-us-east-1"),
        (
            "iam:PutRolePermissionsBoundary",
            "arn:aws:iam::1:role/binsight-dev-pipeline-roles-Diff-X",
        ),
    ],
)
def test_cloudformation_cannot_widen_what_limits_it(action, arn):
    assert any(
        covers(pattern, action) and fnmatch.fnmatchcase(arn, resource)
        for pattern, statement in actions("Deny")
        for resource in listed(statement["Resource"])
    )


def test_a_component_s_artefact_can_be_read_by_who_makes_the_version():
    """Greengrass reads it as the caller, to take its digest; no schema says so."""
    artefact = "arn:aws:s3:::binsight-dev-data-artifactsbucket-1/components/x.Inference/1.2.3/a.zip"
    allowing = [
        resource
        for action, statement in actions()
        if covers(action, "s3:GetObject")
        for resource in listed(statement["Resource"])
        if fnmatch.fnmatchcase(artefact, resource)
    ]
    assert allowing == ["arn:aws:s3:::binsight-*/components/*"]


def test_iam_takes_it():
    text = re.sub(r"\s", "", (ROOT / EXECUTION_POLICY).read_text())
    assert len(text.replace("binsight", "longest-prefix-there-can")) <= MAXIMUM_CHARACTERS
    sids = [statement["Sid"] for statement in POLICY["Statement"]]
    assert len(set(sids)) == len(sids)
