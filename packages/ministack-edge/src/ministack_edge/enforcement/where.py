# SPDX-License-Identifier: Apache-2.0
"""On which resources CloudFormation's calls for a resource are authorised."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping

from ministack_edge.enforcement.arns import (
    NEW_ID,
    OWN,
    Resource,
    arn_of,
    bucket_arn,
    catalog_arns,
    catalog_names,
    component_arn,
    function_arn,
    log_group_arns,
    recipe_of,
)


class UnknownArnError(ValueError):
    """An action of a type for which no ARN is known here."""


_NOWHERE = frozenset(
    {
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "events:PutPermission",
        "events:RemovePermission",
        "greengrass:CreateDeployment",
        "kms:CreateKey",
        "kms:ListAliases",
        "logs:CreateLogDelivery",
        "logs:DeleteIndexPolicy",
        "logs:DeleteResourcePolicy",
        "logs:DescribeIndexPolicies",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:PutIndexPolicy",
        "logs:PutResourcePolicy",
        "sns:GetSubscriptionAttributes",
        "sns:SetSubscriptionAttributes",
        "sns:Unsubscribe",
    }
)
"""Actions without resources: only a policy for `*` allows them."""


def _glue_delete_database(resource: Resource) -> list[str]:
    database, _ = catalog_names(resource)
    below = [arn_of("glue", f"{kind}/{database}/*") for kind in ("table", "userDefinedFunction")]
    return [*catalog_arns(resource), *below]


def _artifacts(resource: Resource) -> list[str]:
    return [
        f"arn:aws:s3:::{uri}"
        for uri in re.findall(r's3://([^"\\\s]+)', json.dumps(recipe_of(resource)))
    ]


def _target_group(resource: Resource) -> str:
    return str(resource.properties["TargetArn"])


def _job(_: Resource) -> str:
    return arn_of("iot", f"job/AWSGreengrassV2-{NEW_ID}")


def _code(resource: Resource) -> str:
    code = resource.properties.get("Code", {})
    return bucket_arn(f"{code.get('S3Bucket')}/{code.get('S3Key')}")


def _version(resource: Resource) -> str:
    """A published version: `:n` of the function."""
    return resource.physical_id or f"{function_arn(resource)}:1"


_OTHER: Mapping[tuple[str, str], Callable[[Resource], str | list[str]]] = {
    ("AWS::CloudWatch::Alarm", "cloudwatch:DescribeAlarms"): lambda _: arn_of(
        "cloudwatch", "alarm:*"
    ),
    ("AWS::Glue::Database", "glue:DeleteDatabase"): _glue_delete_database,
    ("AWS::Glue::Table", "glue:GetDatabase"): lambda resource: catalog_arns(resource)[:2],
    ("AWS::Glue::Table", "glue:UpdateDatabase"): lambda resource: catalog_arns(resource)[:2],
    ("AWS::GreengrassV2::ComponentVersion", "greengrass:CreateComponentVersion"): (
        lambda resource: component_arn(resource).partition(":versions:")[0]
    ),
    ("AWS::GreengrassV2::ComponentVersion", "lambda:GetFunction"): (
        lambda resource: str(resource.properties["LambdaFunction"]["LambdaArn"])
    ),
    ("AWS::GreengrassV2::ComponentVersion", "s3:GetObject"): _artifacts,
    ("AWS::GreengrassV2::Deployment", "iot:CreateJob"): (
        lambda resource: [_job(resource), _target_group(resource)]
    ),
    ("AWS::GreengrassV2::Deployment", "iot:DescribeThingGroup"): _target_group,
    ("AWS::GreengrassV2::Deployment", "iot:*"): _job,
    ("AWS::Lambda::Function", "s3:*"): _code,
    ("AWS::Lambda::Version", "lambda:DeleteFunction"): _version,
    ("AWS::Logs::LogStream", "logs:DescribeLogStreams"): (
        lambda resource: log_group_arns(resource.properties["LogGroupName"])
    ),
    ("AWS::SageMaker::NotebookInstance", "ec2:CreateNetworkInterface"): lambda resource: [
        arn_of("ec2", f"subnet/{resource.properties['SubnetId']}"),
        arn_of("ec2", f"network-interface/eni-{NEW_ID[:8]}"),
    ],
    ("AWS::SageMaker::NotebookInstance", "ec2:*"): (
        lambda _: arn_of("ec2", f"network-interface/eni-{NEW_ID[:8]}")
    ),
}
"""Calls for a type that are authorised on something else than the resource itself."""


def where(resource: Resource, action: str) -> list[str]:
    """The ARNs on which one action for a resource is authorised; all of them must allow it."""
    if action in _NOWHERE:
        return ["*"]
    service = action.partition(":")[0]
    find = _OTHER.get((resource.type, action)) or _OTHER.get((resource.type, f"{service}:*"))
    if find is None and service == service_of(resource):
        find = OWN[resource.type]
    if find is None:
        raise UnknownArnError(
            f"{resource.type}: no ARN is known for {action}; add it to "
            "ministack_edge/enforcement/where.py, or say in unneeded.py why it is not called"
        )
    found = find(resource)
    return [found] if isinstance(found, str) else found


def service_of(resource: Resource) -> str:
    """The service in a type's own ARN."""
    if resource.type not in OWN:
        raise UnknownArnError(
            f"{resource.type}: its ARN is not known to ministack_edge/enforcement/arns.py"
        )
    found = OWN[resource.type](resource)
    first = found if isinstance(found, str) else next(iter(found), "::::")
    return first.split(":")[2]


def known() -> Iterator[str]:
    """The types whose ARN is known."""
    return iter(OWN)
