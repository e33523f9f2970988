# SPDX-License-Identifier: Apache-2.0
"""The policies of whoever deploys and whoever operates: real actions, and no more than said."""

import json
import re

import pytest

from rehearsal.people import DEPLOYER_POLICY, OPERATOR_POLICY
from tests.conftest import ROOT
from tests.policies.documents import IDENTITY, Document, listed
from tests.policies.judge import findings, missing_types
from tests.policies.test_parliament import said
from tools.first_deployment import in_prefix

MAXIMUM_CHARACTERS = 6144
"""IAM's limit for a managed policy, white space not counted."""

SHIPPED = (DEPLOYER_POLICY, OPERATOR_POLICY)

EXPLAINED = {
    "infra/delivery/operator_policy.json: states:ListExecutions is not allowed on its maprun": (
        "The rollout has no Map state that would start executions of its own."
    )
}
"""What the reference has against it that is right all the same, and why it is."""


def statements(file):
    return json.loads((ROOT / file).read_text(encoding="utf-8"))["Statement"]


def document(file):
    return Document(where=file, kind=IDENTITY, statements=tuple(statements(file)))


@pytest.mark.parametrize("file", SHIPPED)
def test_the_judges_have_nothing_against_it(file):
    assert findings(document(file)) == []
    assert [line for line in missing_types(document(file)) if line not in EXPLAINED] == []
    # It wants every kind of resource of an action; which one the operator asks for is judged above.
    assert [one for one in said(document(file)) if one[1] != "RESOURCE_MISMATCH"] == []


@pytest.mark.parametrize("file", SHIPPED)
def test_iam_takes_it_with_the_longest_prefix(file):
    text = in_prefix((ROOT / file).read_text(encoding="utf-8"), "longest-prefix-there-can")
    assert len(re.sub(r"\s", "", text)) <= MAXIMUM_CHARACTERS


def test_the_deployer_assumes_the_bootstrap_s_roles_and_nothing_else():
    [statement] = statements(DEPLOYER_POLICY)
    assert statement["Action"] == "sts:AssumeRole"
    roles = {re.sub(r".*role/cdk-\*-|-\*$", "", role) for role in statement["Resource"]}
    assert roles == {"deploy-role", "file-publishing-role", "lookup-role"}


def test_the_operator_changes_no_permission_and_no_stack():
    actions = {one for each in statements(OPERATOR_POLICY) for one in listed(each["Action"])}
    assert not [one for one in actions if "*" in one]
    assumes = [each for each in statements(OPERATOR_POLICY) if each["Action"] == "sts:AssumeRole"]
    assert [each["Resource"] for each in assumes] == ["arn:aws:iam::*:role/binsight-*Reader*"]
    calls = [each for each in statements(OPERATOR_POLICY) if each["Sid"] == "Promotion"]
    assert [(each["Action"], each["Resource"]) for each in calls] == [
        ("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:binsight-*-promotion")
    ]
    # Of the role that only reads, and of the function that copies what was approved.
    actions -= {"sts:AssumeRole", "lambda:InvokeFunction"}
    assert not [one for one in actions if one.startswith(("iam:", "sts:", "lambda:", "events:"))]
    stacks = {one for one in actions if one.startswith("cloudformation:")}
    writing = {one for one in stacks if not re.search(":(Describe|List|Get)", one)}
    assert writing == {"cloudformation:UpdateTerminationProtection"}


def test_everything_means_everything_only_where_there_are_no_resources():
    wide = [each["Sid"] for each in statements(OPERATOR_POLICY) if each["Resource"] == "*"]
    assert wide == ["NoResourceLevel"]


def test_another_prefix_takes_the_place_of_ours():
    text = (ROOT / OPERATOR_POLICY).read_text(encoding="utf-8")
    assert in_prefix(text, "binsight-pilot") == text
    assert "binsight-" not in in_prefix(text, "city")
    assert "arn:aws:dynamodb:*:*:table/city-*" in in_prefix(text, "city")
