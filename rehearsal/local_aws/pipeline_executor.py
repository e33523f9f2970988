# SPDX-License-Identifier: Apache-2.0
"""Runs a pipeline execution: steps in the order of their references, each as a real local process.

One thread per execution and one per running step, so the server keeps answering. What a step leaves
behind (files, log) stays under the work folder: jobs/<pipeline>/<execution>/<step>.
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.local_aws import job_steps, model_registry, objects
from rehearsal.local_aws.local_job import JobContext, JobError, JobStoppedError
from rehearsal.local_aws.pipeline_definition import Definition, Scope, holds
from rehearsal.local_aws.wire import AwsError, Document, now, short_id

logger = logging.getLogger("binsight.pipeline")

STEP_FAILURE = "Step failure: One or multiple steps failed."
DEFAULT_PARALLEL_STEPS = 50
_JOB_ARN_KEYS = {"Processing": "ProcessingJobArn", "Training": "TrainingJobArn"}


class StepFailedError(Exception):
    """A step ended without success; the text is its FailureReason."""


@dataclass
class Execution:
    """One run of a pipeline, as the Describe and List calls show it."""

    arn: str
    pipeline_arn: str
    pipeline_name: str
    definition_text: str
    parameters: dict[str, Any]
    started_with: list[Document]
    display_name: str
    description: str | None = None
    status: str = "Executing"
    failure: str | None = None
    created: float = field(default_factory=now)
    modified: float = field(default_factory=now)
    steps: dict[str, Document] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    @property
    def id(self) -> str:
        """The part that parameters and job names carry."""
        return self.arn.rpartition("/")[2]


@dataclass
class Runner:
    """Runs one execution to its end; `changed` is told every new state of it and its steps."""

    execution: Execution
    folder: Path
    context: JobContext
    job_finished: Callable[[str, Document], None]
    changed: Callable[[Execution, str | None, str, str], None]
    parallel_steps: int = DEFAULT_PARALLEL_STEPS

    def __post_init__(self) -> None:
        self.definition = Definition.parse(self.execution.definition_text)
        self.scope = Scope(
            parameters=self.execution.parameters,
            execution={
                "PipelineExecutionId": self.execution.id,
                "PipelineExecutionArn": self.execution.arn,
                "PipelineName": self.execution.pipeline_name,
                "PipelineArn": self.execution.pipeline_arn,
                "StartDateTime": self.execution.created,
                "CurrentDateTime": now(),
                "RoleArn": "",
            },
            property_file=self._property_file,
        )
        self._property_files: dict[tuple[str, str], str] = {}

    def start(self) -> None:
        """Run in the background, in the account and region of the caller."""
        scope = contextvars.copy_context()
        thread = threading.Thread(
            target=scope.run, args=(self._run,), name=f"pipeline-{self.execution.id}", daemon=True
        )
        self.execution.thread = thread
        thread.start()

    def _run(self) -> None:
        execution = self.execution
        try:
            failed = self._run_steps()
        except Exception as error:  # the execution must end in a state, whatever happens
            logger.exception("execution %s", execution.arn)
            failed, execution.failure = True, f"InternalFailure: {error}"
        if execution.stop.is_set():
            self._set_status("Stopped")
        elif failed:
            execution.failure = execution.failure or STEP_FAILURE
            self._set_status("Failed")
        else:
            self._set_status("Succeeded")

    def _set_status(self, status: str) -> None:
        previous, self.execution.status = self.execution.status, status
        self.execution.modified = now()
        self.changed(self.execution, None, previous, status)

    def _run_steps(self) -> bool:
        """Start what is ready until nothing is left; True when a step failed."""
        pending = list(self.definition.top_level)
        succeeded: set[str] = set()
        running: dict[Future[list[str]], str] = {}
        failed = False
        with ThreadPoolExecutor(self.parallel_steps, thread_name_prefix="step") as pool:
            while True:
                ready = (
                    []
                    if failed or self.execution.stop.is_set()
                    else [
                        name for name in pending if self.definition.dependencies(name) <= succeeded
                    ]
                )
                for name in ready:
                    pending.remove(name)
                    scope = contextvars.copy_context()
                    running[pool.submit(scope.run, self._step, name)] = name
                if not running:
                    return failed
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    name = running.pop(future)
                    try:
                        pending.extend(future.result())
                        succeeded.add(name)
                    except (StepFailedError, JobStoppedError):
                        failed = True

    def _step(self, name: str) -> list[str]:
        """Run one step; returns the steps that it adds (the branch of a condition)."""
        step = self.definition.steps[name]
        record: Document = {
            "StepName": name,
            "StepDisplayName": step.get("DisplayName"),
            "StepDescription": step.get("Description"),
            "StartTime": now(),
            "StepStatus": "Executing",
            "AttemptCount": 1,
            "Metadata": {},
        }
        self.execution.steps[name] = record
        self.changed(self.execution, name, "Starting", "Executing")
        status, added = "Failed", []
        try:
            added = self._dispatch(step, record)
            status = "Succeeded"
            return added
        except JobStoppedError:
            status = "Stopped"
            raise
        except (StepFailedError, JobError, AwsError) as error:
            record["FailureReason"] = str(error)
            raise StepFailedError(str(error)) from error
        except Exception as error:
            logger.exception("step %s of %s", name, self.execution.arn)
            record["FailureReason"] = f"InternalFailure: {type(error).__name__}: {error}"
            raise StepFailedError(record["FailureReason"]) from error
        finally:
            record["EndTime"] = now()
            record["StepStatus"] = status
            self.execution.modified = now()
            self.changed(self.execution, name, "Executing", status)

    def _dispatch(self, step: Any, record: Document) -> list[str]:
        name, kind = step["Name"], step["Type"]
        if kind == "Condition":
            return self._condition(step, record)
        arguments = self.scope.resolve(step.get("Arguments") or {})
        if kind == "Fail":
            record["Metadata"] = {"Fail": {"ErrorMessage": str(arguments.get("ErrorMessage", ""))}}
            raise StepFailedError(str(arguments.get("ErrorMessage", "")))
        if kind == "RegisterModel":
            created = model_registry.create_package(
                {
                    **arguments,
                    "MetadataProperties": {
                        "GeneratedBy": self.execution.arn,
                        **arguments.get("MetadataProperties", {}),
                    },
                }
            )
            record["Metadata"] = {"RegisterModel": {"Arn": created["ModelPackageArn"]}}
            self.scope.results[name] = model_registry.describe_package(
                {"ModelPackageName": created["ModelPackageArn"]}
            )
            return []
        run = job_steps.run_processing if kind == "Processing" else job_steps.run_training
        job_name = job_steps.job_name(self.execution.id, name, short_id(10))
        document = run(arguments, name=job_name, folder=self.folder / name, context=self.context)
        self.scope.results[name] = document
        for file in step.get("PropertyFiles") or []:
            output = document["ProcessingOutputConfig"]["Outputs"][file["OutputName"]]
            uri = f"{output['S3Output']['S3Uri'].rstrip('/')}/{file['FilePath']}"
            self._property_files[(name, file["PropertyFileName"])] = uri
        record["Metadata"] = {f"{kind}Job": {"Arn": document[_JOB_ARN_KEYS[kind]]}}
        self.job_finished(kind, document)
        return []

    def _condition(self, step: Any, record: Document) -> list[str]:
        arguments = step["Arguments"]
        outcome = all(holds(item, self.scope) for item in arguments["Conditions"])
        record["Metadata"] = {"Condition": {"Outcome": str(outcome)}}
        self.scope.results[step["Name"]] = {"Outcome": str(outcome)}
        branch = arguments.get("IfSteps" if outcome else "ElseSteps") or []
        return [item["Name"] for item in branch]

    def _property_file(self, step: str, name: str) -> Any:
        uri = self._property_files.get((step, name))
        if uri is None:
            raise StepFailedError(f"Property file {name} of step {step} is not declared")
        try:
            return json.loads(objects.read(*objects.parse(uri)))
        except ValueError as error:
            raise StepFailedError(f"Property file {uri} is not JSON: {error}") from error
