# SPDX-License-Identifier: Apache-2.0
"""SageMaker notebook instances and their lifecycle configurations, described but not run."""

from __future__ import annotations

from typing import Any

from ministack_edge import tags
from ministack_edge.protocol import AwsError, Document, arn, now, store

_notebooks: Any = store()
_lifecycles: Any = store()
LIFECYCLE_NAME = "NotebookInstanceLifecycleConfigName"


def _arn(name: str) -> str:
    return arn("sagemaker", f"notebook-instance/{name}")


def create(request: Document) -> Document:
    """CreateNotebookInstance."""
    name = request["NotebookInstanceName"]
    if name in _notebooks:
        raise AwsError("ValidationException", f"Notebook instance {name} already exists")
    _notebooks[name] = {
        **{key: value for key, value in request.items() if key != "Tags"},
        "NotebookInstanceArn": _arn(name),
        "NotebookInstanceStatus": "InService",
        "CreationTime": now(),
        "LastModifiedTime": now(),
    }
    tags.put(_arn(name), request.get("Tags"))
    return {"NotebookInstanceArn": _arn(name)}


def describe(request: Document) -> Document:
    """DescribeNotebookInstance."""
    found: Document | None = _notebooks.get(request["NotebookInstanceName"])
    if found is None:
        raise AwsError("ValidationException", "RecordNotFound")
    answer = {key: value for key, value in found.items() if key != "LifecycleConfigName"}
    return {**answer, LIFECYCLE_NAME: found.get("LifecycleConfigName")}


def update(request: Document) -> Document:
    """UpdateNotebookInstance."""
    describe(request)
    _notebooks[request["NotebookInstanceName"]].update(
        {
            **{key: value for key, value in request.items() if key != "Tags"},
            "LastModifiedTime": now(),
        }
    )
    tags.replace(_arn(request["NotebookInstanceName"]), request.get("Tags"))
    return {}


def delete(request: Document) -> Document:
    """DeleteNotebookInstance."""
    _notebooks.pop(request["NotebookInstanceName"], None)
    return {}


def list_notebooks(_request: Document) -> Document:
    """ListNotebookInstances."""
    keys = ("NotebookInstanceName", "NotebookInstanceArn", "NotebookInstanceStatus", "InstanceType")
    return {
        "NotebookInstances": [
            {key: item[key] for key in keys if key in item} for item in _notebooks.values()
        ]
    }


def create_lifecycle(request: Document) -> Document:
    """CreateNotebookInstanceLifecycleConfig."""
    name = request[LIFECYCLE_NAME]
    if name in _lifecycles:
        raise AwsError("ValidationException", f"Lifecycle configuration {name} already exists")
    keys = ("OnCreate", "OnStart")
    config_arn = arn("sagemaker", f"notebook-instance-lifecycle-config/{name}")
    _lifecycles[name] = {
        LIFECYCLE_NAME: name,
        "NotebookInstanceLifecycleConfigArn": config_arn,
        "CreationTime": now(),
        **{key: request[key] for key in keys if key in request},
    }
    return {"NotebookInstanceLifecycleConfigArn": config_arn}


def describe_lifecycle(request: Document) -> Document:
    """DescribeNotebookInstanceLifecycleConfig."""
    found: Document | None = _lifecycles.get(request[LIFECYCLE_NAME])
    if found is None:
        raise AwsError("ValidationException", "RecordNotFound")
    return found


def update_lifecycle(request: Document) -> Document:
    """UpdateNotebookInstanceLifecycleConfig."""
    describe_lifecycle(request)
    keys = ("OnCreate", "OnStart")
    _lifecycles[request[LIFECYCLE_NAME]].update(
        {key: request[key] for key in keys if key in request}
    )
    return {}


def delete_lifecycle(request: Document) -> Document:
    """DeleteNotebookInstanceLifecycleConfig."""
    _lifecycles.pop(request[LIFECYCLE_NAME], None)
    return {}
