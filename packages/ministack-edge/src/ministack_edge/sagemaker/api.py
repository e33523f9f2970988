# SPDX-License-Identifier: Apache-2.0
"""The SageMaker service: which call goes where, and the executions as the API shows them."""

from __future__ import annotations

from collections.abc import Callable

from ministack_edge import ministack_patches, tags
from ministack_edge.protocol import Document, json_service, page, with_token, without_none
from ministack_edge.sagemaker import model_registry, notebooks, pipelines
from ministack_edge.sagemaker.pipeline_executor import Execution


def _describe_execution(request: Document) -> Document:
    execution = pipelines.execution_of(request["PipelineExecutionArn"])
    return without_none(
        {
            "PipelineArn": execution.pipeline_arn,
            "PipelineExecutionArn": execution.arn,
            "PipelineExecutionDisplayName": execution.display_name,
            "PipelineExecutionStatus": execution.status,
            "PipelineExecutionDescription": execution.description,
            "FailureReason": execution.failure,
            "CreationTime": execution.created,
            "LastModifiedTime": execution.modified,
        }
    )


def _list_executions(request: Document) -> Document:
    pipeline = pipelines.describe(request)
    found = sorted(
        pipelines._of(pipeline),
        key=lambda item: item.created,
        reverse=request.get("SortOrder", "Descending") == "Descending",
    )
    items, token = page(found, size=request.get("MaxResults"), token=request.get("NextToken"))
    summaries = [_summary(execution) for execution in items]
    return with_token({"PipelineExecutionSummaries": summaries}, "NextToken", token)


def _summary(execution: Execution) -> Document:
    return without_none(
        {
            "PipelineExecutionArn": execution.arn,
            "StartTime": execution.created,
            "PipelineExecutionStatus": execution.status,
            "PipelineExecutionDescription": execution.description,
            "PipelineExecutionDisplayName": execution.display_name,
            "PipelineExecutionFailureReason": execution.failure,
        }
    )


def _list_steps(request: Document) -> Document:
    execution = pipelines.execution_of(request["PipelineExecutionArn"])
    # In the order of their start; timestamps of short steps can be equal.
    found = [without_none(step) for step in list(execution.steps.values())]
    if request.get("SortOrder", "Descending") == "Descending":
        found.reverse()
    items, token = page(found, size=request.get("MaxResults"), token=request.get("NextToken"))
    return with_token({"PipelineExecutionSteps": items}, "NextToken", token)


def _list_parameters(request: Document) -> Document:
    execution = pipelines.execution_of(request["PipelineExecutionArn"])
    found = [{"Name": name, "Value": str(value)} for name, value in execution.parameters.items()]
    items, token = page(found, size=request.get("MaxResults"), token=request.get("NextToken"))
    return with_token({"PipelineParameters": items}, "NextToken", token)


def _definition_of_execution(request: Document) -> Document:
    execution = pipelines.execution_of(request["PipelineExecutionArn"])
    return {"PipelineDefinition": execution.definition_text, "CreationTime": execution.created}


def _describe_processing_job(request: Document) -> Document:
    job = _public(pipelines.job("Processing", request["ProcessingJobName"]))
    outputs = job["ProcessingOutputConfig"]["Outputs"]
    return {**job, "ProcessingOutputConfig": {"Outputs": list(outputs.values())}}


def _describe_training_job(request: Document) -> Document:
    return _public(pipelines.job("Training", request["TrainingJobName"]))


def _list_jobs(kind: str) -> Document:
    keys = (f"{kind}JobName", f"{kind}JobArn", f"{kind}JobStatus", "CreationTime")
    return {
        f"{kind}JobSummaries": [{key: job[key] for key in keys} for job in pipelines.jobs(kind)]
    }


def _public(document: Document) -> Document:
    return {key: value for key, value in document.items() if not key.startswith("_")}


def _add_tags(request: Document) -> Document:
    tags.put(request["ResourceArn"], request["Tags"])
    return {"Tags": tags.as_list(request["ResourceArn"])}


def _delete_tags(request: Document) -> Document:
    tags.remove(request["ResourceArn"], request["TagKeys"])
    return {}


OPERATIONS: dict[str, Callable[[Document], Document | None]] = {
    "CreatePipeline": pipelines.create,
    "UpdatePipeline": pipelines.update,
    "DescribePipeline": pipelines.describe,
    "ListPipelines": pipelines.list_pipelines,
    "DeletePipeline": pipelines.delete,
    "StartPipelineExecution": pipelines.start,
    "StopPipelineExecution": pipelines.stop,
    "DescribePipelineExecution": _describe_execution,
    "DescribePipelineDefinitionForExecution": _definition_of_execution,
    "ListPipelineExecutions": _list_executions,
    "ListPipelineExecutionSteps": _list_steps,
    "ListPipelineParametersForExecution": _list_parameters,
    "DescribeProcessingJob": _describe_processing_job,
    "DescribeTrainingJob": _describe_training_job,
    "ListProcessingJobs": lambda _request: _list_jobs("Processing"),
    "ListTrainingJobs": lambda _request: _list_jobs("Training"),
    "CreateModelPackageGroup": model_registry.create_group,
    "DescribeModelPackageGroup": model_registry.describe_group,
    "ListModelPackageGroups": model_registry.list_groups,
    "DeleteModelPackageGroup": model_registry.delete_group,
    "CreateModelPackage": model_registry.create_package,
    "DescribeModelPackage": model_registry.describe_package,
    "UpdateModelPackage": model_registry.update_package,
    "ListModelPackages": model_registry.list_packages,
    "DeleteModelPackage": model_registry.delete_package,
    "CreateNotebookInstance": notebooks.create,
    "DescribeNotebookInstance": notebooks.describe,
    "UpdateNotebookInstance": notebooks.update,
    "ListNotebookInstances": notebooks.list_notebooks,
    "DeleteNotebookInstance": notebooks.delete,
    "CreateNotebookInstanceLifecycleConfig": notebooks.create_lifecycle,
    "DescribeNotebookInstanceLifecycleConfig": notebooks.describe_lifecycle,
    "UpdateNotebookInstanceLifecycleConfig": notebooks.update_lifecycle,
    "DeleteNotebookInstanceLifecycleConfig": notebooks.delete_lifecycle,
    "AddTags": _add_tags,
    "DeleteTags": _delete_tags,
    "ListTags": lambda request: {"Tags": tags.as_list(request["ResourceArn"])},
}


def install() -> None:
    """Offer the SageMaker API."""
    ministack_patches.add_service("sagemaker", json_service(OPERATIONS), target_prefix="SageMaker.")
