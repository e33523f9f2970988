# SPDX-License-Identifier: Apache-2.0
"""The committed templates with their references filled in, as far as policies need it.

A name that CloudFormation makes up becomes ``<stack>-<logical id>-1A2B3C``, so that patterns of
names are put to the test.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.config import settings
from tests.policies.authorization import resource_type
from tests.synth.variants import VARIANTS

SNAPSHOTS = Path(__file__).resolve().parents[1] / "synth" / "snapshots"
ENVIRONMENTS = tuple(settings.names())

KINDS: Mapping[str, tuple[str, str, str]] = {
    "AWS::Athena::NamedQuery": ("athena", "workgroup", ""),
    "AWS::Athena::WorkGroup": ("athena", "workgroup", "Name"),
    "AWS::Budgets::Budget": ("budgets", "budget", ""),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "alarm", "AlarmName"),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", "dashboard", "DashboardName"),
    "AWS::DynamoDB::Table": ("dynamodb", "table", "TableName"),
    "AWS::Events::EventBus": ("events", "event-bus", "Name"),
    "AWS::Events::Rule": ("events", "rule-on-default-event-bus", "Name"),
    "AWS::Glue::Database": ("glue", "database", "DatabaseName"),
    "AWS::Glue::Table": ("glue", "table", ""),
    "AWS::GreengrassV2::ComponentVersion": ("greengrass", "componentVersion", ""),
    "AWS::GreengrassV2::Deployment": ("greengrass", "deployment", ""),
    "AWS::IAM::ManagedPolicy": ("iam", "policy", "ManagedPolicyName"),
    "AWS::IAM::OIDCProvider": ("iam", "oidc-provider", ""),
    "AWS::IAM::Role": ("iam", "role", "RoleName"),
    "AWS::IoT::Policy": ("iot", "policy", "PolicyName"),
    "AWS::IoT::ProvisioningTemplate": ("iot", "provisioningtemplate", "TemplateName"),
    "AWS::IoT::RoleAlias": ("iot", "rolealias", "RoleAlias"),
    "AWS::IoT::ThingGroup": ("iot", "thinggroup", "ThingGroupName"),
    "AWS::IoT::ThingType": ("iot", "thingtype", "ThingTypeName"),
    "AWS::IoT::TopicRule": ("iot", "rule", "RuleName"),
    "AWS::KMS::Key": ("kms", "key", ""),
    "AWS::KinesisFirehose::DeliveryStream": ("firehose", "deliverystream", "DeliveryStreamName"),
    "AWS::Lambda::Function": ("lambda", "function", "FunctionName"),
    "AWS::Lambda::Permission": ("lambda", "function", ""),
    "AWS::Lambda::Version": ("lambda", "function version", ""),
    "AWS::Logs::LogGroup": ("logs", "log-group", "LogGroupName"),
    "AWS::Logs::LogStream": ("logs", "log-stream", "LogStreamName"),
    "AWS::Logs::MetricFilter": ("logs", "log-group", ""),
    "AWS::S3::Bucket": ("s3", "bucket", "BucketName"),
    "AWS::S3::BucketPolicy": ("s3", "bucket", ""),
    "AWS::SNS::Subscription": ("sns", "topic", ""),
    "AWS::SNS::Topic": ("sns", "topic", "TopicName"),
    "AWS::SNS::TopicPolicy": ("sns", "topic", ""),
    "AWS::SQS::Queue": ("sqs", "queue", "QueueName"),
    "AWS::SQS::QueuePolicy": ("sqs", "queue", ""),
    "AWS::SageMaker::ModelPackageGroup": (
        "sagemaker",
        "model-package-group",
        "ModelPackageGroupName",
    ),
    "AWS::SageMaker::NotebookInstance": (
        "sagemaker",
        "notebook-instance",
        "NotebookInstanceName",
    ),
    "AWS::SageMaker::NotebookInstanceLifecycleConfig": (
        "sagemaker",
        "notebook-instance-lifecycle-config",
        "NotebookInstanceLifecycleConfigName",
    ),
    "AWS::SageMaker::Pipeline": ("sagemaker", "pipeline", "PipelineName"),
    "AWS::StepFunctions::StateMachine": ("states", "stateMachine", "StateMachineName"),
}
"""Each type that is deployed: its service and resource type in the authorization reference, and
the property that may give its name."""

_REF_IS_ARN = {
    "AWS::IAM::ManagedPolicy",
    "AWS::Lambda::Version",
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
}


def _component(properties: Mapping[str, Any]) -> list[str]:
    recipe = properties.get("InlineRecipe", {}).get("(JSON text)", {})
    return [(properties.get("LambdaFunction") or recipe)["ComponentName"], "1.2.3"]


_NAMED_OTHERWISE: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "AWS::Athena::NamedQuery": lambda one: [one["WorkGroup"]],
    "AWS::Budgets::Budget": lambda one: [one["Budget"]["BudgetName"]],
    "AWS::Glue::Database": lambda one: [one["DatabaseInput"]["Name"]],
    "AWS::Glue::Table": lambda one: [one["DatabaseName"], one["TableInput"]["Name"]],
    "AWS::GreengrassV2::ComponentVersion": _component,
    "AWS::Lambda::Permission": lambda one: [one["FunctionName"].rpartition(":")[2]],
    "AWS::Lambda::Version": lambda one: [one["FunctionName"], "1"],
    "AWS::Logs::LogStream": lambda one: [one["LogGroupName"], one.get("LogStreamName", "made-up")],
    "AWS::Logs::MetricFilter": lambda one: [one["LogGroupName"]],
    "AWS::S3::BucketPolicy": lambda one: [one["Bucket"]],
    "AWS::SNS::Subscription": lambda one: [one["TopicArn"].rpartition(":")[2]],
    "AWS::SNS::TopicPolicy": lambda one: [one["Topics"][0].rpartition(":")[2]],
    "AWS::SQS::QueuePolicy": lambda one: [one["Queues"][0].rpartition("/")[2]],
}
"""Types that are identified by something else than a name of their own."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """All stacks of an environment or variant, by name, as CloudFormation would be given them."""

    name: str
    account: str
    region: str
    prefix: str
    stacks: Mapping[str, Mapping[str, Any]]
    own: frozenset[str]
    """The stacks that are this one's own; a variant's others are those of dev."""

    def text(self, stack: str, value: Any) -> Any:
        """A value with its references filled in."""
        if isinstance(value, list):
            return [self.text(stack, one) for one in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, argument)] = value.items()
            if function in ("Ref", "Fn::GetAtt", "Fn::Join", "Fn::ImportValue", "Fn::Sub"):
                return self._called(stack, function, argument)
        return {key: self.text(stack, one) for key, one in value.items()}

    def _called(self, stack: str, function: str, argument: Any) -> str:
        if function == "Ref":
            return self._reference(stack, argument)
        if function == "Fn::GetAtt":
            return self._attribute(stack, *argument)
        if function == "Fn::Join":
            return str(argument[0]).join(str(self.text(stack, one)) for one in argument[1])
        if function == "Fn::ImportValue":
            return self.imported(self.text(stack, argument))
        return self._substituted(stack, argument)

    def resource(self, stack: str, logical_id: str) -> Mapping[str, Any]:
        """A resource of a stack."""
        return dict(self.stacks[stack]["Resources"][logical_id])

    def arn(self, stack: str, logical_id: str) -> str:
        """The ARN that a resource has or will have."""
        kind = self.resource(stack, logical_id)["Type"]
        service, type_, _ = KINDS[kind]
        return self.fill(resource_type(service, type_), *self.names(stack, logical_id))

    def fill(self, form: str, *names: str) -> str:
        """An ARN format of the reference with this account, region and these names."""
        known = {"Partition": "aws", "Region": self.region, "Account": self.account}
        given = iter(names)
        return re.sub(r"\$\{(\w+)\}", lambda one: known.get(one[1]) or next(given), form)

    def names(self, stack: str, logical_id: str) -> list[str]:
        """What identifies a resource within its service, from the outside in."""
        resource = self.resource(stack, logical_id)
        properties = self.text(stack, resource.get("Properties", {}))
        kind = resource["Type"]
        if kind in _NAMED_OTHERWISE:
            return [*_NAMED_OTHERWISE[kind](properties)]
        return [str(properties.get(KINDS[kind][2]) or self._made_up(stack, logical_id, kind))]

    def _made_up(self, stack: str, logical_id: str, kind: str) -> str:
        if kind in ("AWS::KMS::Key", "AWS::GreengrassV2::Deployment"):
            return "1a2b3c4d-0000-4000-8000-1a2b3c4d5e6f"
        name = f"{self.prefix}-{stack.lower()}-{logical_id}-1A2B3C"
        if kind == "AWS::S3::Bucket":
            return name.lower()
        if kind in (
            "AWS::StepFunctions::StateMachine",
            "AWS::IoT::TopicRule",
            "AWS::SageMaker::NotebookInstanceLifecycleConfig",
        ):
            return f"{logical_id}-1A2B3C"  # these do not begin with the stack's name
        return name

    def _reference(self, stack: str, name: str) -> str:
        if name.startswith("AWS::"):
            pseudo = {"AccountId": self.account, "Region": self.region, "Partition": "aws"}
            return pseudo.get(name.removeprefix("AWS::"), name)
        if name not in self.stacks[stack]["Resources"]:
            return name  # a parameter
        kind = self.resource(stack, name)["Type"]
        if kind == "AWS::SQS::Queue":
            return f"https://sqs/{self.account}/{self.names(stack, name)[0]}"
        return self.arn(stack, name) if kind in _REF_IS_ARN else self.names(stack, name)[-1]

    def _attribute(self, stack: str, name: str, attribute: str) -> str:
        kind = self.resource(stack, name)["Type"]
        if attribute.endswith("Arn") and kind in KINDS:
            arn = self.arn(stack, name)
            return f"{arn}:*" if kind == "AWS::Logs::LogGroup" else arn
        return f"{name}.{attribute}"

    def imported(self, export: str) -> str:
        """The value that a stack exports under this name."""
        for stack, template in self.stacks.items():
            for output in template.get("Outputs", {}).values():
                if output.get("Export", {}).get("Name") == export:
                    return str(self.text(stack, output["Value"]))
        raise KeyError(f"{self.name}: nobody exports {export}")

    def _substituted(self, stack: str, argument: Any) -> str:
        pattern, values = (argument, {}) if isinstance(argument, str) else argument
        known = {name: self.text(stack, one) for name, one in values.items()}

        def one(found: re.Match[str]) -> str:
            if found[1]:
                return f"${{{found[2]}}}"
            if found[2] in known:
                return str(known[found[2]])
            name, _, attribute = found[2].partition(".")
            return (
                self._attribute(stack, name, attribute)
                if attribute
                else self._reference(stack, name)
            )

        return re.sub(r"\$\{(!?)([^}]+)\}", one, pattern)


@functools.cache
def environments() -> tuple[Environment, ...]:
    """Every environment and variant whose templates are committed."""
    return tuple(_read(name) for name in (*ENVIRONMENTS, *VARIANTS))


def _read(name: str) -> Environment:
    base = name if name in ENVIRONMENTS else "dev"
    values = settings.load(base)
    was = {"prefix": values.prefix, "region": values.region}
    now = was | dict(re.findall(r'(?m)^(prefix|region) = "(.*)"$', VARIANTS.get(name, "")))
    own = {file.stem: _load(file) for file in (SNAPSHOTS / name).glob("*.json")}
    # A variant's other stacks are those of dev, under its own name and in its own region.
    others = {
        file.stem: _load(file, {was[key]: now[key] for key in was})
        for file in (SNAPSHOTS / base).glob("*.json")
    }
    return Environment(
        name=name,
        account=values.account,
        region=now["region"],
        prefix=now["prefix"],
        stacks=others | own,
        own=frozenset(own),
    )


def _load(file: Path, renamed: Mapping[str, str] | None = None) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    for was, now in (renamed or {}).items():
        text = text.replace(was, now)
    return dict(json.loads(text))
