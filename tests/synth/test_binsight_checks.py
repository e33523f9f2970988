# SPDX-License-Identifier: Apache-2.0
"""BinsightChecks over the real templates: nothing found, and everything found that is put in."""

import copy
import json
import re

import pytest

from infra.checks.rule import check
from infra.checks.rules import RULES
from infra.checks.template import read_templates
from infra.config import settings
from tests.synth.conftest import ENVIRONMENTS, STACKS, Assemblies
from tests.synth.stale import stale
from tools.acknowledgements import PAGE, page


def paths(assemblies: Assemblies, environment: str):
    return [assemblies.path(environment) / f"{stack}.template.json" for stack in STACKS]


def found(files, environment):
    templates = read_templates(files, prefix=settings.load(environment).prefix)
    return {(rule.id, finding.logical_id) for _, rule, finding in check(templates, RULES)}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_is_found_in_what_is_deployed(assemblies: Assemblies, environment: str) -> None:
    assert found(paths(assemblies, environment), environment) == set()
    assert stale(assemblies.path(environment)) == []


def test_the_longest_names_in_the_longest_region_break_no_limit(assemblies: Assemblies) -> None:
    """Prefix and topic prefix are as long as the settings take them."""
    files = paths(assemblies, "longest-names")
    templates = read_templates(files, prefix="binsight-longest-prefix1")
    assert {one.prefix for one in templates} == {"binsight-longest-prefix1"}
    assert [finding for _, _, finding in check(templates, RULES)] == []


def statement(properties):
    return properties["PolicyDocument"]["Statement"][0]


def only_asset_by_name(properties):
    properties["Code"]["S3Key"] = "camera.zip"


def unencrypted(properties):
    body = properties["PipelineDefinition"]["PipelineDefinitionBody"]["Fn::Join"][1]
    properties["PipelineDefinition"]["PipelineDefinitionBody"] = {
        "Fn::Join": ["", [part.replace("VolumeKmsKeyId", "V") if isinstance(part, str) else part
                          for part in body]]
    }  # fmt: skip


def impatient(properties):
    parts = properties["DefinitionString"]["Fn::Join"][1]
    waits = re.compile(r'("Type":"Wait","Seconds":)\d+(,"Next":"Look)')
    return {
        "Fn::Join": ["", [waits.sub(r"\g<1>1\2", p) if isinstance(p, str) else p for p in parts]]
    }


SPOILT = {
    "BINSIGHT-IOT1": ("GroupIdentityPolicy", lambda p: statement(p).update(Action="iot:*")),
    "BINSIGHT-IOT2": ("GroupIdentityPolicy", lambda p: statement(p).update(Resource="*")),
    "BINSIGHT-IOT3": ("RulesDetectionsRule", lambda p: p["TopicRulePayload"].pop("ErrorAction")),
    "BINSIGHT-IOT4": (
        "RulesDetectionsRule",
        lambda p: p["TopicRulePayload"].update(Sql="SELECT * FROM '#'"),
    ),
    "BINSIGHT-GG1": ("InferenceCodeFunction", only_asset_by_name),
    "BINSIGHT-GG2": ("RuntimeDeployment", lambda p: p.pop("DeploymentPolicies")),
    "BINSIGHT-GG3": ("RuntimeDeployment", lambda p: p.pop("IotJobConfiguration")),
    "BINSIGHT-GG4": (
        "RuntimeDeployment",
        lambda p: p.update(TargetArn="arn:aws:iot:x:1:thinggroup/binsight-prod-model-fleet"),
    ),
    "BINSIGHT-GG5": (
        "GroupTokensRolePolicy",
        lambda p: statement(p).update(Resource="arn:aws:s3:::anything/*"),
    ),
    "BINSIGHT-LOG1": ("RolloutStepsFunction", lambda p: p.pop("LoggingConfig")),
    "BINSIGHT-LOG2": ("RolloutStepsLogs", lambda p: p.pop("RetentionInDays")),
    "BINSIGHT-LIM1": (
        "GroupIdentityPolicy",
        lambda p: statement(p).update(Action=["iot:Connect"] * 200),
    ),
    "BINSIGHT-LIM2": ("GroupRuntime", lambda p: p.update(ThingGroupName="binsight-prod" * 10)),
    "BINSIGHT-LIM3": ("RolloutMachine", lambda p: p.update(DefinitionString=impatient(p))),
    "BINSIGHT-LIM4": (
        "RolloutStepsFunction",
        lambda p: p["Environment"]["Variables"].update(NOTE="x" * 4096),
    ),
    "BINSIGHT-CFN1": ("LatestState", None),
    "BINSIGHT-CFN2": ("LatestState", lambda p: p.update(TableName="latest")),
    "BINSIGHT-SM1": ("TrainingPipeline", unencrypted),
    "BINSIGHT-SM2": (
        "TrainingRolesJobsRole",
        lambda p: p["ManagedPolicyArns"].append(
            "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
        ),
    ),
}
"""For each rule the resource of the real templates to spoil, and how."""

FOUND_ELSEWHERE = {
    "BINSIGHT-GG1": "InferenceComponent",  # the component that installs the function's code
    "BINSIGHT-GG4": "RolloutStepsFunction",  # the other owner, which comes later
}


def test_every_rule_is_tried() -> None:
    assert set(SPOILT) == {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", SPOILT)
def test_a_spoilt_template_is_caught(assemblies: Assemblies, tmp_path, rule: str) -> None:
    start, spoil = SPOILT[rule]
    files = []
    for path in paths(assemblies, "prod"):
        document = copy.deepcopy(json.loads(path.read_text()))
        for logical_id, body in document["Resources"].items():
            if logical_id.startswith(start):
                if spoil:
                    spoil(body["Properties"])
                else:
                    del body["DeletionPolicy"]
                break
        files.append(tmp_path / path.name)
        files[-1].write_text(json.dumps(document))
    ids = {(one, where[:-8]) for one, where in found(files, "prod")}
    expected = FOUND_ELSEWHERE.get(rule, start)
    assert {one for one, _ in ids} == {rule}
    assert any(where.startswith(expected) or expected.startswith(where) for _, where in ids)


def test_the_page_of_acknowledgements_is_current(assemblies: Assemblies) -> None:
    now = page({name: assemblies.path(name) for name in ENVIRONMENTS})
    assert PAGE.read_text(encoding="utf-8") == now, "run: python -m tools.acknowledgements"
