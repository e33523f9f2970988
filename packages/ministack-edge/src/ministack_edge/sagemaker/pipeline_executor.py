# SPDX-License-Identifier: Apache-2.0
"""Runs a pipeline execution: steps in the order of their references, each as a real local process.

One thread per execution and one per running step, so the server keeps answering. What a step leaves
behind (files, log) stays under the work folder: jobs/<pipeline>/<execution>/<step>.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ministack_edge.extension import Extension
from ministack_edge.protocol import AwsError, Document, now
from ministack_edge.sagemaker.local_job import JobContext, JobError, JobStoppedError
from ministack_edge.sagemaker.pipeline_definition import Definition, Scope
from ministack_edge.sagemaker.step_runner import StepFailedError, StepRunner

logger = logging.getLogger("ministack_edge.pipeline")

STEP_FAILURE = "Step failure: One or multiple steps failed."
DEFAULT_PARALLEL_STEPS = 50


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
    """Runs one execution to its end; `changed` gets every new state of it and of its steps."""

    execution: Execution
    folder: Path
    context: JobContext
    job_finished: Callable[[str, Document], None]
    changed: Callable[[Execution, str | None, str, str], None]
    parallel_steps: int = DEFAULT_PARALLEL_STEPS
    extensions: Sequence[Extension] = ()

    def __post_init__(self) -> None:
        self.definition = Definition.parse(self.execution.definition_text)
        self.steps = StepRunner(
            execution_arn=self.execution.arn,
            pipeline_arn=self.execution.pipeline_arn,
            folder=self.folder,
            context=self.context,
            job_finished=self.job_finished,
            extensions=self.extensions,
        )
        self.steps.scope = Scope(
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
            property_file=self.steps.property_file,
        )

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
            added = self.steps.run(step, record)
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
