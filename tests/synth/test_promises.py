# SPDX-License-Identifier: Apache-2.0
"""The templates keep what the design promises: least privilege, logs, names, what is kept."""

import json
import re
from typing import Any

import pytest

from infra.config import settings
from infra.edge.token_exchange import COMPONENTS_PREFIX
from tests.synth.conftest import ENVIRONMENTS, Assemblies

KEPT_IN_PROD = {
    "AWS::DynamoDB::Table",
    "AWS::Glue::Database",
    "AWS::IoT::ThingGroup",
    "AWS::IoT::ThingType",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SageMaker::ModelPackageGroup",
}
NAMED_FOR_OTHERS = {
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Glue::Database": "DatabaseName",
    "AWS::Glue::Table": "DatabaseName",
    "AWS::GreengrassV2::Deployment": "DeploymentName",
    "AWS::IoT::Policy": "PolicyName",
    "AWS::IoT::ProvisioningTemplate": "TemplateName",
    "AWS::IoT::ThingGroup": "ThingGroupName",
    "AWS::IoT::ThingType": "ThingTypeName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SageMaker::ModelPackageGroup": "ModelPackageGroupName",
    "AWS::SageMaker::Pipeline": "PipelineName",
}
"""Names that cameras, people or another service use; all of them carry the prefix."""
COUNTED = ("SilentCameras", "CameraProblems", "ProgramRefused", "ComponentBroken")
"""Alarms that show a number of cameras."""

STAR_STATEMENTS = {
    ("Insights", "cloudwatch:PutMetricData"): "no resource level; a condition names the namespace",
    ("Insights", "greengrass:ListDeployments"): "no resource level",
    ("Edge", "greengrass:CreateDeployment"): "no resource level",
    ("Edge", "greengrass:ListCoreDevices"): "no resource level",
    ("Edge", "greengrass:ListDeployments"): "no resource level",
    **{
        ("Edge", f"iot:{action}"): "any certificate: AWS IoT makes up their ids (provisioning)"
        for action in (
            "AttachPolicy",
            "AttachPrincipalPolicy",
            "AttachThingPrincipal",
            "DescribeCertificate",
            "DetachThingPrincipal",
            "ListAttachedPolicies",
            "ListPrincipalPolicies",
            "ListPrincipalThings",
            "ListThingPrincipals",
            "UpdateCertificate",
        )
    },
    ("Training", "cloudwatch:PutMetricData"): "no resource level; limited by namespace",
    ("Training", "ecr:GetAuthorizationToken"): "no resource level",
    **{
        ("Edge", f"logs:{action}"): "log delivery has no resource level"
        for action in (
            "CreateLogDelivery",
            "DeleteLogDelivery",
            "DescribeLogGroups",
            "DescribeResourcePolicies",
            "GetLogDelivery",
            "ListLogDeliveries",
            "PutResourcePolicy",
            "UpdateLogDelivery",
        )
    },
    **{
        ("Edge", f"xray:{action}"): "X-Ray has no resource level"
        for action in (
            "GetSamplingRules",
            "GetSamplingTargets",
            "PutTelemetryRecords",
            "PutTraceSegments",
        )
    },
}
"""Every action that is allowed on Resource *, and why. A new one needs a line here."""

each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def identity_statements(assemblies: Assemblies, environment: str) -> list[tuple[str, Any]]:
    """Every statement of a role's policy, with the stack it is in."""
    return [
        (name.split("/")[0], statement)
        for name, properties in assemblies.of_type(environment, "AWS::IAM::ManagedPolicy").items()
        for statement in properties["PolicyDocument"]["Statement"]
    ]


@each_environment
def test_every_log_group_is_encrypted_and_expires(assemblies: Assemblies, environment: str) -> None:
    groups = assemblies.of_type(environment, "AWS::Logs::LogGroup")
    days = settings.load(environment).data.log_days
    assert groups
    for name, group in groups.items():
        assert group["RetentionInDays"] == days, name
        assert group["KmsKeyId"], name


@each_environment
def test_every_function_writes_to_a_declared_log_group(
    assemblies: Assemblies, environment: str
) -> None:
    functions = assemblies.of_type(environment, "AWS::Lambda::Function")
    for name, function in functions.items():
        group = function["LoggingConfig"]["LogGroup"]["Ref"]
        assert f"{name.split('/')[0]}/{group}" in assemblies.of_type(
            environment, "AWS::Logs::LogGroup"
        )


@each_environment
def test_every_resource_says_what_becomes_of_it(assemblies: Assemblies, environment: str) -> None:
    keeps = settings.load(environment).keeps_data
    for name, resource in assemblies.resources(environment).items():
        policies = {resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")}
        assert None not in policies, name
        if keeps and resource["Type"] in KEPT_IN_PROD:
            # Retained, but for the rollback of the operation that made it.
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate", name
            assert resource["UpdateReplacePolicy"] == "Retain", name
        assert resource.get("DeletionPolicy") != "Retain", name


@each_environment
def test_names_are_given_only_where_others_use_them(
    assemblies: Assemblies, environment: str
) -> None:
    prefix = settings.load(environment).prefix
    for name, resource in assemblies.resources(environment).items():
        properties = resource.get("Properties", {})
        if resource["Type"].startswith("Custom::") or resource["Type"] == "AWS::Logs::LogStream":
            continue  # names of, or within, another resource of the stack
        assert resource["Type"] != "AWS::S3::Bucket" or "BucketName" not in properties, name
        own = resource["Type"].split("::")[-1]
        for key in (f"{own}Name", "RoleName", "ManagedPolicyName", "FunctionName", "TableName"):
            value = properties.get(key)
            if isinstance(value, str):
                assert NAMED_FOR_OTHERS.get(resource["Type"]) == key, (name, key)
                assert prefix in value or prefix.replace("-", "_") in value, (name, value)


@each_environment
def test_roles_have_neither_inline_nor_aws_managed_policies(
    assemblies: Assemblies, environment: str
) -> None:
    for name, role in assemblies.of_type(environment, "AWS::IAM::Role").items():
        assert "Policies" not in role, name
        assert "iam::aws:policy" not in json.dumps(role), name
    assert not assemblies.of_type(environment, "AWS::IAM::Policy")


@each_environment
def test_no_action_is_a_wildcard(assemblies: Assemblies, environment: str) -> None:
    for _, statement in identity_statements(assemblies, environment):
        assert not [action for action in listed(statement["Action"]) if "*" in action]


@each_environment
def test_every_permission_on_everything_is_listed_with_a_reason(
    assemblies: Assemblies, environment: str
) -> None:
    found = {
        (stack, action)
        for stack, statement in identity_statements(assemblies, environment)
        if "*" in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }
    assert found == set(STAR_STATEMENTS)


@each_environment
def test_cameras_download_components_and_nothing_else(
    assemblies: Assemblies, environment: str
) -> None:
    policies = assemblies.of_type(environment, "AWS::IAM::ManagedPolicy")
    [tokens] = [item for name, item in policies.items() if "TokensRole" in name]
    reads = [
        json.dumps(resource)
        for statement in tokens["PolicyDocument"]["Statement"]
        if "s3:GetObject" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    assert len(reads) == 1
    assert f"/{COMPONENTS_PREFIX}/*" in reads[0]


@each_environment
def test_every_alarm_tells_somebody(assemblies: Assemblies, environment: str) -> None:
    alarms = assemblies.of_type(environment, "AWS::CloudWatch::Alarm")
    assert len(alarms) == 24
    ends = ("Failed", "TimedOut", "Aborted", "Stopped", "NotStarted", "StateLost")
    for name, alarm in alarms.items():
        if any(one in name for one in COUNTED):
            # The watcher mails the names; nobody counting is a fault here too.
            assert "AlarmActions" not in alarm, name
            assert alarm["TreatMissingData"] == "breaching", name
            continue
        assert alarm["AlarmActions"], name
        # What has failed once is not well again because the next five minutes are quiet.
        # A dead-letter queue that has been emptied is.
        once = any(end in name for end in ends) and "FailedStarts" not in name
        assert ("OKActions" in alarm) != once, name


@each_environment
def test_the_watcher_is_watched(assemblies: Assemblies, environment: str) -> None:
    alarms = assemblies.of_type(environment, "AWS::CloudWatch::Alarm")
    [alarm] = [one for name, one in alarms.items() if "WatcherSilent" in name]
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["EvaluationPeriods"] * alarm["Period"] <= 600


@each_environment
def test_every_rule_that_starts_something_is_watched(
    assemblies: Assemblies, environment: str
) -> None:
    """EventBridge says nothing of a start that fails; a pipeline's and a rollout's are kept."""
    # A daily look for expired kits that is missed comes again the next day.
    rules = {
        name: rule
        for name, rule in assemblies.of_type(environment, "AWS::Events::Rule").items()
        if "EnrolmentDaily" not in name
    }
    watched = {
        json.dumps(dimension["Value"])
        for alarm in assemblies.of_type(environment, "AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == "FailedInvocations"
        for dimension in alarm["Dimensions"]
        if dimension["Name"] == "RuleName"
    }
    assert len(watched) == len(rules)
    for name, rule in rules.items():
        for target in rule["Targets"]:
            # Functions are called without a role.
            assert ("DeadLetterConfig" in target) == ("RoleArn" in target), name
        logical_id = name.split("/")[1]
        assert any(logical_id in value for value in watched), name


@each_environment
def test_the_runtime_deployment_is_replaced_when_all_else_has_succeeded(
    assemblies: Assemblies, environment: str
) -> None:
    """One that was superseded cannot be rolled back to: its job is cancelled."""
    edge = assemblies.template(environment, "Edge")["Resources"]
    [todo] = [[name] for name, one in edge.items() if one["Type"].endswith("::Deployment")]
    before: set[str] = set()
    while todo:
        name = todo.pop()
        if name in edge and name not in before:
            before.add(name)
            todo += listed(edge[name].get("DependsOn", []))
            todo += re.findall(
                r'"(?:Ref": "|Fn::GetAtt": \[")([A-Za-z0-9]+)"',
                json.dumps(edge[name].get("Properties", {})),
            )
    # Who may call a function cannot fail after the deployment and take it back.
    permissions = {name for name in edge if edge[name]["Type"] == "AWS::Lambda::Permission"}
    assert before | permissions == set(edge)
