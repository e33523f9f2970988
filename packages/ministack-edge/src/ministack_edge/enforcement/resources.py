# SPDX-License-Identifier: Apache-2.0
"""Action and resource of requests to services that ministack does not have or names otherwise.

The resource types are those of the service authorization reference. What a call needs beside its
own action (a role to hand on, the jobs behind a Greengrass deployment) is in dependents.py.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from ministack.core import iam_actions

from ministack_edge import ministack_patches
from ministack_edge.greengrass import api
from ministack_edge.protocol import Document, arn

ACTIONS = "ministack.core.iam_actions"
ANY = "*"


def _named(kind: str, field: str) -> Callable[[Document], str]:
    """The resource by a member that holds its name or its ARN."""

    def resource(request: Document) -> str:
        value = str(request.get(field) or "")
        if value.startswith("arn:"):
            return value
        return arn("sagemaker", f"{kind}/{value.lower() if kind == 'pipeline' else value}")

    return resource


def _given(field: str) -> Callable[[Document], str]:
    return lambda request: str(request.get(field) or ANY)


def _packages_of_group(request: Document) -> str:
    """ListModelPackages is authorized on packages; those of a group have its name in theirs."""
    group = str(request.get("ModelPackageGroupName") or "").rpartition("/")[2]
    return arn("sagemaker", f"model-package/{group}/*") if group else ANY


_PIPELINE = _named("pipeline", "PipelineName")
_EXECUTION = _given("PipelineExecutionArn")
_GROUP = _named("model-package-group", "ModelPackageGroupName")
_NOTEBOOK = _named("notebook-instance", "NotebookInstanceName")
_LIFECYCLE = _named("notebook-instance-lifecycle-config", "NotebookInstanceLifecycleConfigName")

SAGEMAKER: dict[str, Callable[[Document], str]] = {
    "CreatePipeline": _PIPELINE,
    "UpdatePipeline": _PIPELINE,
    "DescribePipeline": _PIPELINE,
    "DeletePipeline": _PIPELINE,
    "StartPipelineExecution": _PIPELINE,
    "ListPipelineExecutions": _PIPELINE,
    "StopPipelineExecution": _EXECUTION,
    "DescribePipelineExecution": _EXECUTION,
    "DescribePipelineDefinitionForExecution": _EXECUTION,
    "ListPipelineExecutionSteps": _EXECUTION,
    "ListPipelineParametersForExecution": _EXECUTION,
    "DescribeProcessingJob": _named("processing-job", "ProcessingJobName"),
    "DescribeTrainingJob": _named("training-job", "TrainingJobName"),
    "CreateModelPackageGroup": _GROUP,
    "DescribeModelPackageGroup": _GROUP,
    "DeleteModelPackageGroup": _GROUP,
    "CreateModelPackage": _GROUP,
    "DescribeModelPackage": _named("model-package", "ModelPackageName"),
    "UpdateModelPackage": _given("ModelPackageArn"),
    "DeleteModelPackage": _named("model-package", "ModelPackageName"),
    "ListModelPackages": _packages_of_group,
    "CreateNotebookInstance": _NOTEBOOK,
    "DescribeNotebookInstance": _NOTEBOOK,
    "UpdateNotebookInstance": _NOTEBOOK,
    "DeleteNotebookInstance": _NOTEBOOK,
    "CreateNotebookInstanceLifecycleConfig": _LIFECYCLE,
    "DescribeNotebookInstanceLifecycleConfig": _LIFECYCLE,
    "UpdateNotebookInstanceLifecycleConfig": _LIFECYCLE,
    "DeleteNotebookInstanceLifecycleConfig": _LIFECYCLE,
    "AddTags": _given("ResourceArn"),
    "DeleteTags": _given("ResourceArn"),
    "ListTags": _given("ResourceArn"),
}
"""Every other call (listings) has no resource level."""

BUDGETS = {
    "DescribeBudget": "ViewBudget",
    "DescribeBudgets": "ViewBudget",
    "CreateBudget": "ModifyBudget",
    "UpdateBudget": "ModifyBudget",
    "DeleteBudget": "ModifyBudget",
}
"""AWS Budgets authorizes these calls by other names (service authorization reference)."""

GREENGRASS_WITHOUT_RESOURCE = frozenset(
    {"CreateDeployment", "ListDeployments", "ListComponents", "ListCoreDevices"}
)


def component_name(body: bytes) -> str:
    """The component that a CreateComponentVersion request is about, as the authorizer reads it."""
    try:
        request = json.loads(body or b"{}")
        if request.get("lambdaFunction"):
            given = request["lambdaFunction"]
            return str(given.get("componentName") or given["lambdaArn"].split(":")[6])
        return str(json.loads(base64.b64decode(request["inlineRecipe"]))["ComponentName"])
    except (ValueError, KeyError, IndexError, TypeError):
        # "not authorized to perform: null" is what AWS makes of a recipe that it cannot read.
        return "null"


def greengrass_resource(action: str, path: dict[str, str], body: bytes) -> str:
    """The resource of a Greengrass V2 call."""
    if action == "CreateComponentVersion":
        return arn("greengrass", f"components:{component_name(body)}")
    if action in GREENGRASS_WITHOUT_RESOURCE:
        return ANY
    if "arn" in path:
        return path["arn"]
    if "id" in path:
        return arn("greengrass", f"deployments:{path['id']}")
    if "thing" in path:
        return arn("greengrass", f"coreDevices:{path['thing']}")
    return ANY


def _log_stream(body: bytes) -> str:
    """CloudWatch Logs authorizes calls on a stream on the stream, not on its group."""
    request = json.loads(body or b"{}")
    group, stream = request.get("logGroupName"), request.get("logStreamName")
    return arn("logs", f"log-group:{group}:log-stream:{stream}") if group and stream else ""


def iot_resource(path: str, headers: Any, body: bytes) -> str:
    """The resource of an AWS IoT call that ministack names no resource for; empty for the rest."""
    kind, _, name = path.strip("/").partition("/")
    match kind:
        case "role-aliases" if name:
            return arn("iot", f"rolealias/{unquote(name.split('/')[0])}")
        case "target-policies":
            return str(json.loads(body or b"{}").get("target") or ANY)
        case "certificates" if name:
            return arn("iot", f"cert/{name.split('/')[0]}")
        case "things" if name.endswith("/principals"):
            return str(headers.get("x-amzn-principal") or "")
    return ""


def _budget(request: Document, account: str) -> str:
    """Budgets have no region. A listing is authorized on all of them."""
    given = request.get("Budget") or request.get("NewBudget") or request
    return f"arn:aws:budgets::{account}:budget/{given.get('BudgetName') or ANY}"


def _action(original: Callable[..., str | None]) -> Callable[..., str | None]:
    def extract(  # noqa: PLR0917 - ministack calls it by position
        service: str, method: str, path: str, headers: Any, body: bytes, query: Any
    ) -> str | None:
        if service == "sagemaker":
            return f"sagemaker:{headers.get('x-amz-target', '').rpartition('.')[2]}"
        if service == "greengrass":
            found = api.operation(method, path)
            return f"greengrass:{found[0]}" if found else None
        if service == "budgets":
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            return f"budgets:{BUDGETS.get(operation, operation)}"
        return original(service, method, path, headers, body, query)

    return extract


def _resource(original: Callable[..., str]) -> Callable[..., str]:
    def extract(  # noqa: PLR0913, PLR0917 - as ministack calls it
        service: str,
        method: str,
        path: str,
        headers: Any,
        body: bytes,
        query: Any,
        region: str,
        account: str,
    ) -> str:
        if service == "sagemaker":
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            naming = SAGEMAKER.get(operation)
            return naming(json.loads(body or b"{}")) if naming else ANY
        if service == "greengrass":
            found = api.operation(method, path)
            return greengrass_resource(*found, body) if found else ANY
        if service == "budgets":
            return _budget(json.loads(body or b"{}"), account)
        if service == "logs" and (stream := _log_stream(body)):
            return stream
        if service == "iot" and (named := iot_resource(path, headers, body)):
            return named
        return original(service, method, path, headers, body, query, region, account)

    return extract


def install() -> None:
    """Let ministack name action and resource of requests that it names otherwise than AWS."""
    iam_actions.SERVICE_TO_IAM_NAMESPACE.update(
        {"sagemaker": "sagemaker", "greengrass": "greengrass"}
    )
    ministack_patches.wrap(ACTIONS, "extract_iam_action", _action)
    ministack_patches.wrap(ACTIONS, "extract_resource_arn", _resource)
