# SPDX-License-Identifier: Apache-2.0
"""CloudFormation: SageMaker pipelines, model package groups and notebook instances."""

from __future__ import annotations

import importlib
from typing import Any

from ministack_edge import ministack_patches, tags
from ministack_edge.cloudformation.greengrass import failing_as_cloudformation
from ministack_edge.protocol import AwsError, Document, arn
from ministack_edge.sagemaker import model_registry, notebooks, pipelines

PIPELINE, GROUP = "AWS::SageMaker::Pipeline", "AWS::SageMaker::ModelPackageGroup"


def _name(properties: Document, key: str, logical_id: str, stack: str) -> str:
    provisioners = importlib.import_module(ministack_patches.PROVISIONERS)
    name: str = properties.get(key) or provisioners._physical_name(stack, logical_id, max_len=63)
    return name


def _pipeline_request(properties: Document) -> Document:
    definition = properties.get("PipelineDefinition") or {}
    location = definition.get("PipelineDefinitionS3Location")
    source: Document = (
        {
            "PipelineDefinitionS3Location": {
                "Bucket": location["Bucket"],
                "ObjectKey": location["Key"],
            }
        }
        if location
        else {"PipelineDefinition": definition.get("PipelineDefinitionBody")}
    )
    keys = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")
    return {**source, **{key: properties[key] for key in keys if key in properties}}


def _create_pipeline(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
    name = _name(properties, "PipelineName", logical_id, stack)
    request = {
        **_pipeline_request(properties),
        "PipelineName": name,
        "Tags": properties.get("Tags"),
    }
    pipelines.create(request)
    return name, {}


def _update_pipeline(
    physical_id: str, old: Document, new: Document, stack: str
) -> tuple[str, Document]:
    del old, stack
    pipelines.update({**_pipeline_request(new), "PipelineName": physical_id})
    tags.replace(pipelines.pipeline_arn(physical_id), new.get("Tags"))
    return physical_id, {}


def _delete_pipeline(physical_id: str, properties: Document) -> None:
    del properties
    try:
        pipelines.delete({"PipelineName": physical_id})
    except AwsError as error:
        if error.code != "ResourceNotFound":
            raise ValueError(error.message) from error


def _group_attributes(name: str) -> Document:
    group = model_registry.describe_group({"ModelPackageGroupName": name})
    return {
        "ModelPackageGroupArn": group["ModelPackageGroupArn"],
        "ModelPackageGroupStatus": group["ModelPackageGroupStatus"],
        "CreationTime": str(group["CreationTime"]),
    }


def _create_group(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
    name = _name(properties, "ModelPackageGroupName", logical_id, stack)
    created = model_registry.create_group({**properties, "ModelPackageGroupName": name})
    return created["ModelPackageGroupArn"], _group_attributes(name)


def _update_group(
    physical_id: str, old: Document, new: Document, stack: str
) -> tuple[str, Document]:
    del old, stack
    tags.replace(physical_id, new.get("Tags"))
    return physical_id, _group_attributes(physical_id)


def _delete_group(physical_id: str, properties: Document) -> None:
    del properties
    try:
        model_registry.delete_group({"ModelPackageGroupName": physical_id})
    except AwsError as error:
        if error.code == "ConflictException":
            raise ValueError(error.message) from error


def _create_notebook(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
    name = _name(properties, "NotebookInstanceName", logical_id, stack)
    notebooks.create({**properties, "NotebookInstanceName": name})
    return arn("sagemaker", f"notebook-instance/{name}"), {"NotebookInstanceName": name}


def _update_notebook(
    physical_id: str, old: Document, new: Document, stack: str
) -> tuple[str, Document]:
    del old, stack
    name = physical_id.rpartition("/")[2]
    notebooks.update({**new, "NotebookInstanceName": name})
    return physical_id, {"NotebookInstanceName": name}


def _delete_notebook(physical_id: str, properties: Document) -> None:
    del properties
    notebooks.delete({"NotebookInstanceName": physical_id.rpartition("/")[2]})


def _create_lifecycle(logical_id: str, properties: Document, stack: str) -> tuple[str, Document]:
    key = "NotebookInstanceLifecycleConfigName"
    name = _name(properties, key, logical_id, stack)
    notebooks.create_lifecycle({**properties, key: name})
    return arn("sagemaker", f"notebook-instance-lifecycle-config/{name}"), {key: name}


def _update_lifecycle(
    physical_id: str, old: Document, new: Document, stack: str
) -> tuple[str, Document]:
    del old, stack
    key = "NotebookInstanceLifecycleConfigName"
    name = physical_id.rpartition("/")[2]
    notebooks.update_lifecycle({**new, key: name})
    return physical_id, {key: name}


def _delete_lifecycle(physical_id: str, properties: Document) -> None:
    del properties
    name = physical_id.rpartition("/")[2]
    notebooks.delete_lifecycle({"NotebookInstanceLifecycleConfigName": name})


def install() -> None:
    """Register the types with their create-only properties."""
    types: tuple[tuple[str, Any, Any, Any, tuple[str, ...]], ...] = (
        (PIPELINE, _create_pipeline, _update_pipeline, _delete_pipeline, ("PipelineName",)),
        (
            GROUP,
            _create_group,
            _update_group,
            _delete_group,
            ("ModelPackageGroupName", "ModelPackageGroupDescription"),
        ),
        (
            "AWS::SageMaker::NotebookInstance",
            _create_notebook,
            _update_notebook,
            _delete_notebook,
            ("NotebookInstanceName", "SubnetId", "SecurityGroupIds", "KmsKeyId"),
        ),
        (
            "AWS::SageMaker::NotebookInstanceLifecycleConfig",
            _create_lifecycle,
            _update_lifecycle,
            _delete_lifecycle,
            ("NotebookInstanceLifecycleConfigName",),
        ),
    )
    for name, create, update, delete, replaced_by in types:
        ministack_patches.add_resource_type(
            name,
            create=failing_as_cloudformation(create),
            update=failing_as_cloudformation(update),
            delete=delete,
            replaced_by=replaced_by,
            tags="list",
        )
