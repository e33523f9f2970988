# SPDX-License-Identifier: Apache-2.0
"""Taking existing resources into a stack: the types of ours that ministack cannot import.

As on AWS, `cdk deploy --import-existing-resources` takes what the template itself identifies: the
schema's primary identifier must be in it. A resource identified by a value that AWS generates, such
as an ARN, can only be imported with `cdk import`. An import changes nothing: differences from the
template remain.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch, eventbridge, glue, iot

from ministack_edge import ministack_patches
from ministack_edge.greengrass import components
from ministack_edge.iot import role_aliases
from ministack_edge.protocol import AwsError, Document
from ministack_edge.sagemaker import model_registry, pipelines

Adopted = tuple[str, Document]


def _thing_group(name: str) -> Adopted:
    group = iot._thing_groups[name]
    return group["thingGroupId"], {"Arn": group["thingGroupArn"], "Id": group["thingGroupId"]}


def _provisioning_template(name: str) -> Adopted:
    arn = iot._provisioning_templates[name]["templateArn"]
    return name, {"TemplateArn": arn, "Arn": arn}


def _database(name: str) -> Adopted:
    return glue._databases[name]["Name"], {}


def _event_bus(name: str) -> Adopted:
    return name, {"Arn": eventbridge._event_buses[name]["Arn"], "Name": name}


def _work_group(name: str) -> Adopted:
    provisioners: Any = importlib.import_module(ministack_patches.PROVISIONERS)
    return name, provisioners._athena_workgroup_attributes(name)


def _dashboard(name: str) -> Adopted:
    return cloudwatch._dashboards[name]["DashboardName"], {}


def _role_alias(name: str) -> Adopted:
    return name, {"RoleAliasArn": role_aliases.find(name)["roleAliasArn"]}


def _pipeline(name: str) -> Adopted:
    return str(pipelines.describe({"PipelineName": name})["PipelineName"]), {}


def _model_package_group(arn: str) -> Adopted:
    group = model_registry.describe_group({"ModelPackageGroupName": arn})
    attributes = {key: str(group[key]) for key in ("ModelPackageGroupStatus", "CreationTime")}
    return arn, {"ModelPackageGroupArn": arn, **attributes}


def _component(arn: str) -> Adopted:
    found = components.find(arn)
    return arn, {"Arn": arn, **{key: found[key[0].lower() + key[1:]] for key in _COMPONENT}}


_COMPONENT = ("ComponentName", "ComponentVersion")

IDENTIFIED: dict[str, tuple[str, Callable[[str], Adopted]]] = {
    "AWS::Athena::WorkGroup": ("Name", _work_group),
    "AWS::CloudWatch::Dashboard": ("DashboardName", _dashboard),
    "AWS::Events::EventBus": ("Name", _event_bus),
    "AWS::Glue::Database": ("DatabaseName", _database),
    "AWS::GreengrassV2::ComponentVersion": ("Arn", _component),
    "AWS::IoT::ProvisioningTemplate": ("TemplateName", _provisioning_template),
    "AWS::IoT::RoleAlias": ("RoleAlias", _role_alias),
    "AWS::IoT::ThingGroup": ("ThingGroupName", _thing_group),
    "AWS::SageMaker::ModelPackageGroup": ("ModelPackageGroupArn", _model_package_group),
    "AWS::SageMaker::Pipeline": ("PipelineName", _pipeline),
}
"""The property that identifies a resource for an import, and what finds it: its physical id and
attributes. The test beside them reads the identifiers in CloudFormation's schemas."""


def _looked_up(kind: str, adopt: Callable[[str], Adopted]) -> Callable[[str], str | None]:
    def problem(identifier: str) -> str | None:
        try:
            adopt(identifier)
        except (AwsError, KeyError):
            return f"Resource of type '{kind}' with identifier '{identifier}' was not found."
        return None

    return problem


def _by(key: str, adopt: Callable[[str], Adopted]) -> Callable[[Document], Adopted]:
    return lambda identifier: adopt(identifier[key])


def install() -> None:
    """Teach ministack these types."""
    handlers: Any = importlib.import_module(ministack_patches.PROVISIONERS)._RESOURCE_HANDLERS
    lookups: Any = importlib.import_module(ministack_patches.CHANGE_SETS)._IMPORT_LOOKUPS
    for kind, (key, adopt) in IDENTIFIED.items():
        handlers[kind]["import"] = _by(key, adopt)
        lookups[kind] = ((key,), _looked_up(kind, adopt))
