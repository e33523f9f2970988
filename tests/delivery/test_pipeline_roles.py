# SPDX-License-Identifier: Apache-2.0
"""The roles of GitHub Actions: who may take them, and how little they may do."""

import json

import aws_cdk as cdk
import pytest

from infra.config.settings import load
from stacks.github_oidc import build
from tests.policies.documents import IDENTITY, TRUST, of_stack
from tests.policies.judge import findings, missing_types
from tests.policies.templates import Environment
from tests.policies.test_parliament import explained, said

PROVIDER = "token.actions.githubusercontent.com"
OF_THE_TOKEN = {
    f"{PROVIDER}:{claim}: sts:AssumeRoleWithWebIdentity does not have this key"
    for claim in ("aud", "sub")
}
"""Each OpenID Connect provider has these two keys (IAM user guide, keys for OIDC federation); the
reference lists the others of GitHub's, one by one, and not these."""


def synth(folder, **context):
    """The template, after all rule packs have passed (an open finding stops synth)."""
    flags = {
        "@aws-cdk/core:validateAgainstDefaultRules": True,
        "@aws-cdk/core:enablePartitionLiterals": True,
        "aws:cdk:disable-stack-trace": True,
    }
    given = {"environment": "prod", "repository": "city/binsight", **context}
    app = cdk.App(outdir=str(folder), context={**flags, **given})
    stack = build(app)
    artifact = app.synth().get_stack_by_name(stack.stack_name)
    assert artifact.stack_name == "binsight-prod-pipeline-roles"
    return artifact.template


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roles")
    return synth(folder), folder


def of_type(template, type_):
    return {
        key.removeprefix("Github")[:-8]: body
        for key, body in template["Resources"].items()
        if body["Type"] == type_
    }


def test_no_rule_pack_has_a_finding_and_nothing_is_acknowledged(written):
    template, folder = written
    report = json.loads((folder / "validation-report.json").read_text())
    assert report["pluginReports"] == []
    assert "cdk_nag" not in json.dumps(template)


def test_a_role_trusts_one_environment_of_one_repository(written):
    template, _ = written
    account = load("prod").account
    roles = of_type(template, "AWS::IAM::Role")
    subjects = {"Deploy": "prod", "Diff": "prod-diff"}
    assert set(roles) == set(subjects)
    for name, environment in subjects.items():
        properties = roles[name]["Properties"]
        [statement] = properties["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert statement["Principal"] == {
            "Federated": f"arn:aws:iam::{account}:oidc-provider/{PROVIDER}"
        }
        assert statement["Condition"] == {
            "StringEquals": {
                f"{PROVIDER}:aud": "sts.amazonaws.com",
                f"{PROVIDER}:sub": f"repo:city/binsight:environment:{environment}",
            }
        }
        assert properties["MaxSessionDuration"] == 3600


def test_a_role_may_only_take_the_bootstrap_roles_of_its_account_and_region(written):
    template, _ = written
    start, end = "arn:aws:iam::333333333333:role/cdk-hnb659fds-", "-role-333333333333-eu-west-1"
    allowed = {
        name: body["Properties"]["PolicyDocument"]["Statement"]
        for name, body in of_type(template, "AWS::IAM::ManagedPolicy").items()
    }
    deploy = [f"{start}{name}{end}" for name in ("deploy", "file-publishing", "lookup")]
    taking = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    assert allowed == {
        "DeployPolicy": [{**taking, "Resource": deploy}],
        "DiffPolicy": [{**taking, "Resource": f"{start}lookup{end}"}],
    }


def test_the_bootstrap_roles_cannot_change_these_roles(written):
    template, folder = written
    assert "BootstrapVersion" not in template.get("Parameters", {})
    manifest = json.loads((folder / "manifest.json").read_text())
    [stack] = [
        one for one in manifest["artifacts"].values() if one["type"] == "aws:cloudformation:stack"
    ]
    assert "assumeRoleArn" not in stack["properties"]
    assert "cloudFormationExecutionRoleArn" not in stack["properties"]


def test_everything_says_what_becomes_of_it(written):
    template, _ = written
    policies = {
        body["Type"]: (body["DeletionPolicy"], body["UpdateReplacePolicy"])
        for body in template["Resources"].values()
    }
    assert policies == {
        "AWS::IAM::OIDCProvider": ("Retain", "Retain"),
        "AWS::IAM::ManagedPolicy": ("Delete", "Delete"),
        "AWS::IAM::Role": ("Delete", "Delete"),
    }
    assert set(template["Outputs"]) == {"DeployRoleArn", "DiffRoleArn"}


@pytest.mark.parametrize("repository", ["city/binsight", "city@12345/binsight@987654321"])
def test_the_subject_is_what_githubs_token_says(tmp_path, repository):
    """Repositories made, renamed or moved since 2026-07-15 have numbers in it; the roles trust the
    one form that they were made for, exactly."""
    template = synth(tmp_path, repository=repository)
    found = json.dumps(
        [role["Properties"] for role in of_type(template, "AWS::IAM::Role").values()]
    )
    assert f'"{PROVIDER}:sub": "repo:{repository}:environment:prod"' in found
    assert f'"{PROVIDER}:sub": "repo:{repository}:environment:prod-diff"' in found
    assert found.count("repo:") == 2
    assert "StringLike" not in found


def test_an_existing_provider_and_another_qualifier(tmp_path):
    template = synth(tmp_path, provider="existing", qualifier="city1")
    assert of_type(template, "AWS::IAM::OIDCProvider") == {}
    assert "role/cdk-city1-deploy-role-" in json.dumps(template)
    assert f"oidc-provider/{PROVIDER}" in json.dumps(template)


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"repository": None}, "REPOSITORY is missing"),
        ({"repository": "city/*"}, "repository 'city/\\*': allowed: owner/name"),
        ({"repository": "city"}, "repository 'city'"),
        ({"repository": "city@1/binsight"}, "or with both numbers owner@1/name@2"),
        ({"repository": "city/binsight@2"}, "or with both numbers"),
        ({"repository": "city@*/binsight@*"}, "or with both numbers"),
        ({"repository": "city@1/binsight@2:environment:prod"}, "or with both numbers"),
        ({"environment": "nowhere"}, "environment 'nowhere': no file"),
        ({"provider": "maybe"}, "provider 'maybe': allowed: new, existing"),
    ],
)
def test_bad_context_is_said(tmp_path, context, said):
    with pytest.raises(Exception, match=said):
        synth(tmp_path, **{"environment": "prod", "repository": "city/binsight", **context})


def test_the_judges_have_nothing_against_the_policies(written):
    template, _ = written
    values = load("prod")
    environment = Environment(
        name="prod",
        account=values.account,
        region=values.region,
        prefix=values.prefix,
        stacks={"PipelineRoles": template},
        own=frozenset({"PipelineRoles"}),
    )
    found = list(of_stack(environment, "PipelineRoles"))
    assert [one.kind for one in found].count(IDENTITY) == 2
    assert [one.kind for one in found].count(TRUST) == 2
    for one in found:
        assert {line.partition(": StringEquals ")[2] for line in findings(one)} <= OF_THE_TOKEN
        if one.kind == IDENTITY:
            assert missing_types(one) == []
            assert [line for line in said(one) if explained(line) is None] == []
