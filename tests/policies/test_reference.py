# SPDX-License-Identifier: Apache-2.0
"""Every policy against AWS's service authorization reference."""

import dataclasses
import re

import pytest

from tests.policies.arns import covers, meets
from tests.policies.authorization import action, expand, resource_type
from tests.policies.documents import IDENTITY, IOT, RESOURCE, TRUST, Document, documents
from tests.policies.judge import findings, missing_types

EXPLAINED = {
    r"DataKey\w+\.KeyPolicy: statement LogGroups: ArnLike kms:EncryptionContext:aws:logs:arn: "
    r"kms:DescribeKey does not have this key": "AWS's own example of a key policy for CloudWatch "
    "Logs has kms:Describe* under this condition (CloudWatch Logs user guide, Encrypt log data).",
    r"model-package-group/[\w-]+: no action of the statement \((sagemaker:CreateModelPackage, "
    r"sagemaker:DescribeModelPackage, )?sagemaker:ListModelPackages\) takes it": "Named beside the "
    "packages, in case the group that the call names is what counts; nothing but registering and "
    "listing them is allowed on it.",
    r"PolicyDocument: iot:CreateJob is not allowed on its thing": "A job has things or thing "
    "groups as targets; a rollout's are thing groups.",
}
"""What the reference has against a policy that is right all the same, and why it is."""


def unexplained(found):
    return [line for line in found if not any(re.search(one, line) for one in EXPLAINED)]


def test_all_kinds_of_policies_are_looked_at():
    kinds = [one.kind for one in documents()]
    for kind, at_least in ((IDENTITY, 60), (TRUST, 60), (RESOURCE, 20), (IOT, 10)):
        assert kinds.count(kind) >= at_least, kind


def test_the_reference_has_nothing_against_any_policy():
    found = unexplained(line for one in documents() for line in findings(one))
    assert found == [], "\n".join(found)


def test_what_takes_several_kinds_of_resources_is_allowed_on_each():
    """Where a role's policy names an action, AWS decides it on each kind that it requires."""
    roles = [one for one in documents() if one.kind == IDENTITY and "/" in one.where]
    named = [one for one in roles if not one.where.startswith("infra/")]
    found = unexplained(line for one in named for line in missing_types(one))
    assert found == [], "\n".join(found)


def test_every_explanation_is_needed():
    found = [line for one in documents() for line in (*findings(one), *missing_types(one))]
    for one in EXPLAINED:
        assert any(re.search(one, line) for line in found), one


ROLE = "arn:aws:iam::111111111111:role/x"
GREENGRASS = "arn:aws:greengrass:eu-west-1:111111111111:components:x"
MODELS = "arn:aws:sagemaker:eu-west-1:111111111111:model-package"
NOTEBOOKS = "arn:aws:logs:eu-west-1:111111111111:log-group:/aws/sagemaker/NotebookInstances"


def policy(kind=IDENTITY, **statement):
    return Document(where="it", kind=kind, statements=({"Effect": "Allow", **statement},))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (policy(Action="s3:GetObjekt", Resource="arn:aws:s3:::b/*"), "no such action"),
        (policy(Action=["s3:Gett*"], Resource="arn:aws:s3:::b/*"), "no such action"),
        (policy(Action="s3:GetObject", Resource="arn:aws:s3:::b"), "it takes"),
        (policy(Action="s3:ListBucket", Resource="arn:aws:s3:::b/*"), "it takes"),
        (
            policy(Action="sagemaker:ListModelPackages", Resource=f"{MODELS}-group/g"),
            "model-package/${ModelPackageName}",
        ),
        (
            policy(Action="greengrass:CreateComponentVersion", Resource=f"{GREENGRASS}:versions:*"),
            "components:${ComponentName}",
        ),
        (
            policy(Action="logs:CreateLogGroup", Resource=f"{NOTEBOOKS}:log-stream:n/*"),
            "log-group:${LogGroupName}",
        ),
        (policy(Action="ecr:GetAuthorizationToken", Resource="arn:aws:ecr:::x"), "it takes * only"),
        (policy(Action="iam:PassRole", Resource="*"), "can be limited"),
        (
            policy(Action="iam:PassRole", Resource=ROLE, Condition={"Bool": {"s3:prefix": "x"}}),
            "does not have this key",
        ),
        (
            policy(Action=["iam:PassRole"], Resource=[ROLE, "arn:aws:s3:::b"]),
            "no action of the statement",
        ),
        (policy(NotAction="iam:PassRole", Resource=ROLE), "NotAction"),
        (
            policy(IOT, Action="greengrass:ResolveComponentCandidates", Resource=f"{GREENGRASS}*"),
            "it takes * only",
        ),
        (policy(IOT, Action="iot:Publish", Resource="arn:aws:iot:e:1:topicfilter/x"), "it takes"),
        (policy(IOT, Action="iot:CreateThing", Resource="*"), "no such action"),
    ],
)
def test_a_fault_of_each_kind_is_found(wrong, said):
    found = findings(wrong)
    assert found
    assert said in "\n".join(found)


@pytest.mark.parametrize(
    "right",
    [
        policy(Action="s3:GetObject", Resource="arn:aws:s3:::b/models/*"),
        policy(Action="s3:ListBucket", Resource="*b"),
        policy(Action="sagemaker:ListModelPackages", Resource=f"{MODELS}/g/*"),
        policy(Action="greengrass:CreateComponentVersion", Resource=GREENGRASS),
        policy(Action="logs:CreateLogGroup", Resource=[NOTEBOOKS, f"{NOTEBOOKS}:*"]),
        policy(Action="logs:PutLogEvents", Resource=f"{NOTEBOOKS}:log-stream:n/*"),
        policy(Action="ecr:GetAuthorizationToken", Resource="*"),
        policy(
            TRUST,
            Action="sts:AssumeRole",
            Principal={"Service": "x"},
            Condition={"StringEqualsIfExists": {"aws:SourceAccount": "1", "sts:ExternalId": "1"}},
        ),
        policy(
            Action="iam:PassRole",
            Resource=ROLE,
            Condition={"StringEquals": {"iam:PassedToService": "x"}},
        ),
        policy(
            IOT,
            Action="iot:Publish",
            Resource="arn:aws:iot:e:1:topic/x/${iot:Connection.Thing.ThingName}/*",
        ),
        policy(IOT, Action="greengrass:ResolveComponentCandidates", Resource="*"),
    ],
)
def test_what_is_right_passes(right):
    assert findings(right) == []


def test_an_action_that_is_denied_exists_too():
    wrong = policy(Action="iam:Detach", Resource="*")
    wrong = dataclasses.replace(wrong, statements=({**wrong.statements[0], "Effect": "Deny"},))
    assert "no such action" in findings(wrong)[0]


def test_several_required_kinds_are_told_apart():
    database = "arn:aws:glue:e:1:database/x"
    found = missing_types(policy(Action="glue:GetDatabase", Resource=database))
    assert found == ["it: glue:GetDatabase is not allowed on its rootcatalog"]


@pytest.mark.parametrize(
    ("pattern", "form", "expected"),
    [
        ("arn:aws:s3:::a*", "arn:${Partition}:s3:::${BucketName}", True),
        ("arn:aws:s3:::a/*", "arn:${Partition}:s3:::${BucketName}", False),
        ("arn:aws:s3:::a/*", "arn:${Partition}:s3:::${BucketName}/${ObjectName}", True),
        ("arn:aws:s3:::?", "arn:${Partition}:s3:::${BucketName}", True),
        ("arn:aws:iot:e:1:*/x-*", "arn:${Partition}:iot:${Region}:${Account}:job/${JobId}", True),
        ("arn:aws:iot:e:1:*/x-*", "arn:${Partition}:sns:${Region}:${Account}:${Topic}", False),
        ("*", "anything", True),
    ],
)
def test_patterns_on_both_sides_are_compared(pattern, form, expected):
    assert meets(pattern, form) is expected


def test_a_pattern_covers_an_arn_as_iam_compares():
    assert covers("arn:aws:s3:::a-*", "arn:aws:s3:::a-b/c")
    assert not covers("arn:aws:s3:::a-?", "arn:aws:s3:::a-bc")
    assert not covers("arn:aws:s3:::a.c", "arn:aws:s3:::abc")


def test_the_second_generation_of_greengrass_is_the_one_that_counts():
    assert action("greengrass:CreateDeployment").on == ()
    assert "greengrass:CreateComponentVersion" in expand("greengrass:Create*")
    assert "greengrass:CreateCoreDefinition" not in expand("greengrass:Create*")
    assert resource_type("greengrass", "deployment").endswith(":deployments:${DeploymentId}")


def test_an_unknown_action_is_no_action():
    assert expand("s3:Nothing") == expand("nosuchservice:Get*") == ()
    with pytest.raises(KeyError):
        action("s3:Nothing")
