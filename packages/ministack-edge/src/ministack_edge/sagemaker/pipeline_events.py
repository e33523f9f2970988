# SPDX-License-Identifier: Apache-2.0
"""What SageMaker tells about pipelines: EventBridge events and CloudWatch metrics."""

from __future__ import annotations

from ministack_edge import events, metrics
from ministack_edge.protocol import Document, iso
from ministack_edge.sagemaker.pipeline_executor import Execution

NAMESPACE = "AWS/Sagemaker/ModelBuildingPipeline"
METRICS = {
    "Executing": "ExecutionStarted",
    "Succeeded": "ExecutionSucceeded",
    "Failed": "ExecutionFailed",
    "Stopped": "ExecutionStopped",
}
ENDED = ("Succeeded", "Failed", "Stopped")


def execution_changed(execution: Execution, previous: str, current: str) -> None:
    """An execution started, is being stopped, or ended."""
    if current in METRICS:
        dimensions = {"PipelineName": execution.pipeline_name}
        metrics.put(NAMESPACE, METRICS[current], 1.0, dimensions=dimensions, unit="Count")
    detail = {
        **_common(execution),
        "previousPipelineExecutionStatus": previous,
        "currentPipelineExecutionStatus": current,
        "executionStartTime": iso(execution.created),
    }
    if current in ENDED:
        detail["executionEndTime"] = iso(execution.modified)
    _emit(execution, "SageMaker Model Building Pipeline Execution Status Change", detail)


def step_changed(execution: Execution, step: str, previous: str, current: str) -> None:
    """A step started or ended."""
    record = execution.steps[step]
    detail = {
        **_common(execution),
        "stepName": step,
        "previousStepStatus": previous,
        "currentStepStatus": current,
        "stepStartTime": iso(record["StartTime"]),
        "failureReason": record.get("FailureReason", ""),
        "metadata": record["Metadata"],
    }
    if "EndTime" in record:
        detail["stepEndTime"] = iso(record["EndTime"])
    _emit(execution, "SageMaker Model Building Pipeline Execution Step Status Change", detail)


def _common(execution: Execution) -> Document:
    return {
        "pipelineArn": execution.pipeline_arn,
        "pipelineExecutionArn": execution.arn,
        "pipelineExecutionDisplayName": execution.display_name,
    }


def _emit(execution: Execution, kind: str, detail: Document) -> None:
    events.emit("aws.sagemaker", kind, detail, resources=[execution.pipeline_arn, execution.arn])
