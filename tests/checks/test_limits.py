# SPDX-License-Identifier: Apache-2.0
"""What AWS refuses at creation and no schema knows: each limit met, and passed by one."""

import json
from pathlib import Path

import cfnlint
import pytest

from infra.checks.rules import limits_documents, limits_names, limits_policies, limits_schedules
from infra.config import limits
from tests.checks.cases import findings, policy, resource, role

SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"
DOCUMENT = {"Version": "2012-10-17", "Statement": []}


def sized(most, *, over):
    """A policy document of exactly ``most`` characters without white space, or one more."""
    empty = policy({"Action": "a", "Resource": ""})
    room = most - len(json.dumps(empty, separators=(",", ":")))
    return policy({"Action": "a", "Resource": " x" * (room + over)})


def iot(document):
    return {"R": resource("AWS::IoT::Policy", {"PolicyDocument": document})}


def managed(document):
    return {"R": resource("AWS::IAM::ManagedPolicy", {"PolicyDocument": document})}


def trusting(document):
    return {"R": resource("AWS::IAM::Role", {"AssumeRolePolicyDocument": document})}


def inline(document):
    return {"R": resource("AWS::IAM::Role", {"Policies": [{"PolicyDocument": document}]})}


@pytest.mark.parametrize(
    ("build", "limit"),
    [
        (iot, limits.IOT_POLICY),
        (managed, limits.MANAGED_POLICY),
        (trusting, limits.TRUST_POLICY),
        (inline, limits.INLINE_POLICIES),
    ],
)
def test_a_policy_is_taken_up_to_its_limit(build, limit):
    assert findings(limits_policies.RULE, build(sized(limit.most, over=0))) == []
    [(logical_id, _, said)] = findings(limits_policies.RULE, build(sized(limit.most, over=1)))
    assert logical_id == "R"
    assert f"{limit.most + 1:,}" in said
    assert f"AWS accepts {limit.most:,}" in said
    assert limit.source in said


def test_a_reference_counts_with_the_longest_that_it_can_be():
    name = "n" * 40
    alias = resource("AWS::IoT::RoleAlias", {"RoleAlias": name})
    reference = {"Fn::GetAtt": ["A", "RoleAliasArn"]}

    def template(room):
        statement = {"Action": "a", "Resource": [reference, "x" * room]}
        return {"A": alias, **iot(policy(statement))}

    arn = f"arn:aws:iot:ap-southeast-2:111111111111:rolealias/{name}"
    empty = len(json.dumps(policy({"Action": "a", "Resource": [arn, ""]}), separators=(",", ":")))
    # Where the true text is just too long, it is found; well below the limit it is not.
    assert findings(limits_policies.RULE, template(limits.IOT_POLICY.most - empty + 1))
    assert findings(limits_policies.RULE, template(limits.IOT_POLICY.most - empty - 20)) == []


def test_a_role_takes_ten_policies():
    arns = ["arn:aws:iam::1:policy/x"] * 11
    assert findings(limits_policies.RULE, {"R": role("s", ManagedPolicyArns=arns[:10])}) == []
    assert findings(limits_policies.RULE, {"R": role("s", ManagedPolicyArns=arns)})


def test_the_template_of_the_longest_prefix_was_too_long_a_name():
    """36 characters: `-provisioning` after a prefix of 24 was one too many."""

    def template(name):
        return {"R": resource("AWS::IoT::ProvisioningTemplate", {"TemplateName": name})}

    assert findings(limits_names.RULE, template("p" * 24 + "-provision")) == []
    [(_, path, said)] = findings(limits_names.RULE, template("p" * 24 + "-provisioning"))
    assert path == "Properties.TemplateName"
    assert "37 characters" in said
    assert "AWS accepts 36" in said


@pytest.mark.parametrize("type_", sorted(limits.NAMES))
def test_the_lengths_of_names_are_those_of_the_schemas_where_they_have_them(type_):
    key, limit = limits.NAMES[type_]
    files = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text(encoding="utf-8"))
    schema = json.loads((SCHEMAS / "resources" / f"{files[type_]}.json").read_text())
    known = schema["properties"].get(key, {}).get("maxLength")
    # The schema of a notebook instance has 64, its API 63; the smaller one is safe.
    assert known is None or limit.most <= known, (type_, key)


@pytest.mark.parametrize("tags", [[{"Key": "team", "Value": "R&D"}], {"aws:x": "1"}])
def test_tags_that_a_service_refuses_are_named(tags):
    [(_, path, said)] = findings(
        limits_names.RULE, {"R": resource("AWS::S3::Bucket", {"Tags": tags})}
    )
    assert path == "Properties.Tags"
    assert "AWS accepts" in said


def test_right_tags_pass():
    for tags in ([{"Key": "team", "Value": "vision"}], {"team": "vision"}, None):
        given = {"Tags": tags} if tags else {}
        assert findings(limits_names.RULE, {"R": resource("AWS::S3::Bucket", given)}) == []


def test_a_schedule_is_checked_in_the_template_too():
    def template(schedule):
        return {"R": resource("AWS::Events::Rule", {"ScheduleExpression": schedule})}

    assert findings(limits_schedules.RULE, template("rate(1 hour)")) == []
    [(_, _, said)] = findings(limits_schedules.RULE, template("cron(0 25 * * ? *)"))
    assert "hours '25'" in said
    assert "0-23" in said


def machine(*, seconds, timeout, **more):
    states = {
        "Ask": {"Type": "Task", "Next": "Judge"},
        "Judge": {"Type": "Choice", "Choices": [{"Next": "Wait"}], "Default": "End"},
        "Wait": {"Type": "Wait", "Seconds": seconds, "Next": "Ask"},
        "Once": {"Type": "Wait", "Seconds": 1, "Next": "End"},
        "End": {"Type": "Succeed"},
    }
    document = {"StartAt": "Ask", "TimeoutSeconds": timeout, "States": states}
    text = json.dumps(document)
    return {"R": resource("AWS::StepFunctions::StateMachine", {"DefinitionString": text, **more})}


def test_a_loop_that_outgrows_the_history_is_found():
    """Nine events a round: 25,000 are reached after 2,777 rounds."""
    assert findings(limits_schedules.RULE, machine(seconds=1, timeout=2777)) == []
    [(_, _, said)] = findings(limits_schedules.RULE, machine(seconds=1, timeout=2778))
    assert "25,002 by waiting in Wait" in said
    assert "AWS accepts 25,000 events" in said
    express = machine(seconds=1, timeout=9999, StateMachineType="EXPRESS")
    assert findings(limits_schedules.RULE, express) == []


def test_a_machine_without_a_time_out_may_go_on_for_a_year():
    template = machine(seconds=60, timeout=0)
    document = json.loads(template["R"]["Properties"]["DefinitionString"])
    del document["TimeoutSeconds"]
    template["R"]["Properties"]["DefinitionString"] = json.dumps(document)
    assert findings(limits_schedules.RULE, template)


def function(size):
    variables = {"A": "x" * (size - len('{"A":""}'))}
    return resource("AWS::Lambda::Function", {"Environment": {"Variables": variables}})


def text_of(type_, key):
    return lambda size: resource(type_, {key: "x" * size})


def deployment(size):
    merge = "x" * (size - len('{"c":""}'))
    return resource("AWS::GreengrassV2::Deployment", {"Components": {"c": merge}})


@pytest.mark.parametrize(
    ("build", "limit"),
    [
        (function, limits.LAMBDA_ENVIRONMENT),
        (
            text_of("AWS::StepFunctions::StateMachine", "DefinitionString"),
            limits.STATE_MACHINE_DEFINITION,
        ),
        (text_of("AWS::GreengrassV2::ComponentVersion", "InlineRecipe"), limits.RECIPE),
        (text_of("AWS::IoT::ProvisioningTemplate", "TemplateBody"), limits.PROVISIONING_TEMPLATE),
        (deployment, limits.DEPLOYMENT),
    ],
)
def test_a_document_is_taken_up_to_its_limit(build, limit):
    assert findings(limits_documents.RULE, {"R": build(limit.most)}) == []
    [(_, _, said)] = findings(limits_documents.RULE, {"R": build(limit.most + 1)})
    assert f"{limit.most + 1:,}" in said
    assert limit.source in said


def pipeline(properties):
    step = {"Name": "Register", "Arguments": {"CustomerMetadataProperties": properties}}
    gate = {"Name": "Gate", "Arguments": {"IfSteps": [step]}}
    body = {"PipelineDefinitionBody": json.dumps({"Steps": [gate]})}
    return {"R": resource("AWS::SageMaker::Pipeline", {"PipelineDefinition": body})}


def test_custom_metadata_of_a_model_package_is_what_sagemaker_takes():
    """An object's key may hold any character; SageMaker refuses most of them after training."""
    assert (
        findings(
            limits_documents.RULE, pipeline({"a": "x" * 256, "b": {"Get": "Steps.Train.Name"}})
        )
        == []
    )
    for wrong, said in (
        ({"a": "x" * 257}, "a: 257"),
        ({f"k{number}": "v" for number in range(51)}, "51"),
        ({"d": {"Get": "Parameters.DatasetManifest"}}, "characters that SageMaker refuses"),
    ):
        [(_, path, detail)] = findings(limits_documents.RULE, pipeline(wrong))
        assert path.endswith("Register.CustomerMetadataProperties")
        assert said in detail
