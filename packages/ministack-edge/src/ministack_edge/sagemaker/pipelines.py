# SPDX-License-Identifier: Apache-2.0
"""SageMaker's pipeline API: pipelines, their executions and the steps of these."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, get_region

from ministack_edge import tags
from ministack_edge.enforcement.actors import become
from ministack_edge.protocol import (
    AwsError,
    Document,
    arn,
    now,
    page,
    require,
    short_id,
    store,
    with_token,
    without_none,
)
from ministack_edge.sagemaker import job_actors, job_logs, pipeline_events, step_cache
from ministack_edge.sagemaker.local_job import JobContext
from ministack_edge.sagemaker.pipeline_definition import Definition
from ministack_edge.sagemaker.pipeline_executor import DEFAULT_PARALLEL_STEPS, Execution, Runner
from ministack_edge.server_config import config
from ministack_edge.storage import objects

STOP_ALL_SECONDS = 8.0

_pipelines: Any = store()
_executions: Any = store()
_jobs: Any = store()


def pipeline_arn(name: str) -> str:
    """The ARN of a pipeline; SageMaker writes it in lower case."""
    return arn("sagemaker", f"pipeline/{name.lower()}")


def _pipeline(name_or_arn: str) -> Document:
    name = name_or_arn.rpartition("/")[2].lower()
    pipeline: Document | None = _pipelines.get(name)
    if pipeline is None:
        raise AwsError("ResourceNotFound", f"Pipeline '{pipeline_arn(name)}' does not exist.")
    return pipeline


def _definition(request: Document) -> str | None:
    location = request.get("PipelineDefinitionS3Location")
    if location:
        return objects.read(location["Bucket"], location["ObjectKey"]).decode()
    text: str | None = request.get("PipelineDefinition")
    return text


def create(request: Document) -> Document:
    """CreatePipeline; the definition is checked as a whole."""
    require(request, "PipelineName", "RoleArn")
    name = request["PipelineName"]
    if name.lower() in _pipelines:
        raise AwsError(
            "ValidationException", f"Pipeline names must be unique: {name} already exists."
        )
    text = _definition(request)
    if not text:
        raise AwsError("ValidationException", "PipelineDefinition is required")
    Definition.parse(text)
    _pipelines[name.lower()] = {
        "PipelineArn": pipeline_arn(name),
        "PipelineName": name,
        "PipelineDisplayName": request.get("PipelineDisplayName") or name,
        "PipelineDefinition": text,
        "PipelineDescription": request.get("PipelineDescription"),
        "RoleArn": request["RoleArn"],
        "PipelineStatus": "Active",
        "CreationTime": now(),
        "LastModifiedTime": now(),
        "ParallelismConfiguration": request.get("ParallelismConfiguration"),
    }
    tags.put(pipeline_arn(name), request.get("Tags"))
    return {"PipelineArn": pipeline_arn(name)}


def update(request: Document) -> Document:
    """UpdatePipeline; running executions keep the definition they started with."""
    pipeline = _pipeline(request["PipelineName"])
    text = _definition(request)
    if text:
        Definition.parse(text)
        pipeline["PipelineDefinition"] = text
    for key in (
        "PipelineDisplayName",
        "PipelineDescription",
        "RoleArn",
        "ParallelismConfiguration",
    ):
        if key in request:
            pipeline[key] = request[key]
    pipeline["LastModifiedTime"] = now()
    return {"PipelineArn": pipeline["PipelineArn"]}


def describe(request: Document) -> Document:
    """DescribePipeline."""
    return without_none(_pipeline(request["PipelineName"]))


def list_pipelines(request: Document) -> Document:
    """ListPipelines by name prefix."""
    keys = ("PipelineArn", "PipelineName", "PipelineDisplayName", "PipelineDescription", "RoleArn")
    found = [
        without_none(
            {
                **{key: pipeline.get(key) for key in keys},
                "CreationTime": pipeline["CreationTime"],
                "LastModifiedTime": pipeline["LastModifiedTime"],
                "LastExecutionTime": pipeline.get("LastRunTime"),
            }
        )
        for pipeline in _pipelines.values()
        if pipeline["PipelineName"].startswith(request.get("PipelineNamePrefix", ""))
    ]
    items, token = page(found, size=request.get("MaxResults"), token=request.get("NextToken"))
    return with_token({"PipelineSummaries": items}, "NextToken", token)


def delete(request: Document) -> Document:
    """DeletePipeline: refused while an execution runs, as on AWS."""
    pipeline = _pipeline(request["PipelineName"])
    if any(item.status in ("Executing", "Stopping") for item in _of(pipeline)):
        raise AwsError(
            "ConflictException",
            f"Pipeline {pipeline['PipelineName']} cannot be deleted: it has running executions.",
        )
    for execution in _of(pipeline):
        _executions.pop(execution.arn)
    _pipelines.pop(pipeline["PipelineName"].lower())
    step_cache.forget(pipeline["PipelineArn"])
    tags.forget(pipeline["PipelineArn"])
    return {"PipelineArn": pipeline["PipelineArn"]}


def _of(pipeline: Document) -> list[Execution]:
    return [item for item in _executions.values() if item.pipeline_arn == pipeline["PipelineArn"]]


def start(request: Document) -> Document:
    """StartPipelineExecution: returns at once, the steps run in the background."""
    pipeline = _pipeline(request["PipelineName"])
    given = list(request.get("PipelineParameters") or [])
    text = pipeline["PipelineDefinition"]
    values = Definition.parse(text).values({item["Name"]: item["Value"] for item in given})
    execution_id = short_id()
    role = become(
        pipeline["RoleArn"],
        job_actors.SERVICE,
        source_arn=pipeline["PipelineArn"],
        session=f"SageMaker-{execution_id}",
    )
    execution = Execution(
        arn=f"{pipeline['PipelineArn']}/execution/{execution_id}",
        pipeline_arn=pipeline["PipelineArn"],
        pipeline_name=pipeline["PipelineName"],
        definition_text=text,
        parameters=values,
        started_with=given,
        display_name=request.get("PipelineExecutionDisplayName") or f"execution-{execution_id}",
        description=request.get("PipelineExecutionDescription"),
    )
    limits = request.get("ParallelismConfiguration") or pipeline["ParallelismConfiguration"] or {}
    _executions[execution.arn] = execution
    pipeline["LastRunTime"] = execution.created
    runner = Runner(
        execution,
        folder=config.work / "jobs" / pipeline["PipelineName"] / execution_id,
        context=JobContext(
            get_account_id(), get_region(), config.endpoint, execution.stop, execution_id, role
        ),
        job_finished=_job_finished,
        changed=_announce,
        parallel_steps=int(limits.get("MaxParallelExecutionSteps", DEFAULT_PARALLEL_STEPS)),
        extensions=config.extensions,
    )
    _announce(execution, None, "Executing", "Executing")
    runner.start()
    return {"PipelineExecutionArn": execution.arn}


def execution_of(execution_arn: str) -> Execution:
    """The execution, or the error that the API answers."""
    execution: Execution | None = _executions.get(execution_arn)
    if execution is None:
        raise AwsError("ResourceNotFound", f"Pipeline execution '{execution_arn}' does not exist.")
    return execution


def stop(request: Document) -> Document:
    """StopPipelineExecution: running steps get SIGTERM, then SIGKILL."""
    execution = execution_of(request["PipelineExecutionArn"])
    if execution.status not in ("Executing", "Stopping"):
        raise AwsError(
            "ValidationException",
            f"Only pipelines in the Executing state can be stopped, not {execution.status}.",
        )
    if execution.status == "Executing":
        execution.status = "Stopping"
        execution.stop.set()
        _announce(execution, None, "Executing", "Stopping")
    return {"PipelineExecutionArn": execution.arn}


def stop_all() -> None:
    """End every running step; for the shutdown of the server."""
    running = [
        item for item in _executions.all_values() if item.status in ("Executing", "Stopping")
    ]
    for execution in running:
        execution.stop.set()
    for execution in running:
        if execution.thread is not None:
            execution.thread.join(STOP_ALL_SECONDS)


def jobs(kind: str) -> list[Document]:
    """The finished Processing or Training jobs of this account and region."""
    return [document for key, document in _jobs.items() if key.startswith(f"{kind}/")]


def job(kind: str, name: str) -> Document:
    """One finished job."""
    document: Document | None = _jobs.get(f"{kind}/{name}")
    if document is None:
        raise AwsError("ResourceNotFound", f"Requested resource not found: {kind} job {name}")
    return document


def _announce(execution: Execution, step: str | None, previous: str, current: str) -> None:
    if step is None:
        pipeline_events.execution_changed(execution, previous, current)
        return
    pipeline_events.step_changed(execution, step, previous, current)
    if "EndTime" in execution.steps[step]:
        job_logs.publish(config.work / "jobs" / execution.pipeline_name / execution.id, step)


def _job_finished(kind: str, document: Document) -> None:
    _jobs[f"{kind}/{document[f'{kind}JobName']}"] = document
