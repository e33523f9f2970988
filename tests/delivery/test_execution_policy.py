# SPDX-License-Identifier: Apache-2.0
"""The policy that limits CloudFormation: enough for what Binsight deploys, and not more.

What each resource type needs is in the official schemas that cfn-lint carries (``handlers``);
on which resource AWS decides it is in the service authorization reference. Conditions count.
"""

import copy
import fnmatch
import json
import re
from functools import cache
from pathlib import Path

import pytest

from tests.policies.decide import allowed
from tests.policies.documents import Document, execution_files, execution_policy, listed
from tests.policies.needs import VERBS, handlers, needs, resources
from tests.policies.templates import SNAPSHOTS, environments
from tests.policies.unused import UNUSED
from tools.first_deployment import EXECUTION_POLICIES

ROOT = Path(__file__).resolve().parents[2]
POLICY = {"Statement": [one for file in execution_files() for one in file["Statement"]]}
MAXIMUM_CHARACTERS = 6144
"""IAM's limit for a managed policy, white space not counted."""


@cache
def decisions():
    """All that CloudFormation takes for every resource of every environment and variant."""
    every = [
        need
        for environment in environments()
        for stack, logical_id in resources(environment)
        for need in needs(environment, stack, logical_id)
    ]
    # Variants share most of what dev takes.
    return list({(one.type, one.action, one.arn): one for one in every}.values())


@cache
def types():
    return sorted({need.type for need in decisions()})


def actions(effect="Allow"):
    for statement in POLICY["Statement"]:
        if statement["Effect"] == effect:
            action = statement["Action"]
            yield from (
                (one, statement) for one in ([action] if isinstance(action, str) else action)
            )


def covers(pattern, action):
    """As IAM compares: without regard to case."""
    return fnmatch.fnmatchcase(action.lower(), pattern.lower())


def refused(policy):
    """What the policy does not allow of it, one line per type, action and kind of ARN."""
    return sorted(
        {
            f"{need.type}: {need.action} on {need.arn} with {dict(need.context)}"
            for need in decisions()
            if not allowed(policy, need.action, need.arn, need.context)
        }
    )


def test_every_deployed_type_is_decided():
    every = {
        body["Type"]
        for file in SNAPSHOTS.rglob("*.json")
        for body in json.loads(file.read_text())["Resources"].values()
        if not body["Type"].startswith("Custom::")
    }
    assert set(types()) == every
    assert len(every) > 25
    assert len(decisions()) > 2000


def test_what_every_resource_needs_is_allowed_on_it():
    """Each action that its schema lists, on the ARN that AWS decides it on, conditions included."""
    assert refused(execution_policy()) == [], (
        "add them to one of EXECUTION_POLICIES, or to tests/policies/unused.py with the reason"
    )


def without(sid, *, action=None, service=None, resource=None):
    """The policy with one thing taken away from one statement."""
    document = copy.deepcopy(POLICY)
    [statement] = [one for one in document["Statement"] if one["Sid"] == sid]
    if action:
        statement["Action"].remove(action)
    if resource:
        statement["Resource"].remove(resource)
    if service:
        for keys in statement["Condition"].values():
            for values in keys.values():
                values.remove(service)
    return Document(where="it", kind="identity", statements=tuple(document["Statement"]))


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (
            without("KeysViaServices", service="dynamodb.*.amazonaws.com"),
            "AWS::DynamoDB::Table: kms:CreateGrant on",
        ),
        (
            without("PassRoles", service="credentials.iot.amazonaws.com"),
            "AWS::IoT::RoleAlias: iam:PassRole on",
        ),
        (
            without("Things", resource="arn:aws:iot:*:*:rule/*"),
            "AWS::IoT::TopicRule: iot:CreateTopicRule on",
        ),
        (
            without("NoResourceLevel", action="greengrass:CreateDeployment"),
            "AWS::GreengrassV2::Deployment: greengrass:CreateDeployment on *",
        ),
        (
            without("Assets", resource="arn:aws:s3:::cdk-*-assets-*/*"),
            "AWS::Lambda::Function: s3:GetObject on arn:aws:s3:::cdk-",
        ),
    ],
)
def test_a_condition_a_resource_or_an_action_that_is_missing_is_noticed(policy, said):
    assert any(line.startswith(said) for line in refused(policy))


def test_every_exception_is_listed_by_a_schema_and_has_a_reason():
    for type_, patterns in UNUSED.items():
        listed_actions = {one for verb in VERBS for one in handlers(type_)[verb]}
        for text, reason in patterns.items():
            assert len(reason) >= 8
            for pattern in text.split():
                assert any(fnmatch.fnmatchcase(one, pattern) for one in listed_actions), pattern


def test_functions_of_custom_resources_can_be_called():
    """CloudFormation calls them itself; no schema says so."""
    for environment in environments():
        for stack in environment.own:
            for resource in environment.stacks[stack]["Resources"].values():
                if resource["Type"].startswith("Custom::"):
                    arn = environment.text(stack, resource["Properties"]["ServiceToken"])
                    assert allowed(execution_policy(), "lambda:InvokeFunction", arn, {}), arn


def test_no_service_is_open_and_no_other_service_is_named():
    for action, statement in actions():
        service, verb = action.split(":")
        assert len(verb.strip("*")) >= 3, f"{statement['Sid']}: {action}"
        assert service in {
            "athena", "budgets", "cloudwatch", "dynamodb", "events", "firehose", "glue",
            "greengrass", "iam", "iot", "kms", "lambda", "logs", "s3", "sagemaker", "sns", "sqs",
            "ssm", "states",
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
        ("iam:CreatePolicyVersion", "arn:aws:iam::1:policy/binsight-cloudformation-services"),
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


def test_a_component_s_artifact_can_be_read_by_who_makes_the_version():
    """Greengrass reads it as the caller, to take its digest; no schema says so."""
    artifact = "arn:aws:s3:::binsight-dev-data-artifactsbucket-1/components/x.Inference/1.2.3/a.zip"
    allowing = [
        resource
        for action, statement in actions()
        if covers(action, "s3:GetObject")
        for resource in listed(statement["Resource"])
        if fnmatch.fnmatchcase(artifact, resource)
    ]
    assert allowing == ["arn:aws:s3:::binsight-*/components/*"]


@pytest.mark.parametrize("file", EXECUTION_POLICIES.values())
def test_iam_takes_it(file):
    text = re.sub(r"\s", "", (ROOT / file).read_text())
    assert len(text.replace("binsight", "longest-prefix-there-can")) <= MAXIMUM_CHARACTERS
    sids = [statement["Sid"] for statement in POLICY["Statement"]]
    assert len(set(sids)) == len(sids)
