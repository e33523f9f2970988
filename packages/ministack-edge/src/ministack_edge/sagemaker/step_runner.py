# SPDX-License-Identifier: Apache-2.0
"""Runs one step of an execution: reuses it, tries it again, or does it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ministack_edge import extension
from ministack_edge.enforcement.storage import Storage
from ministack_edge.extension import Extension, JobRequest
from ministack_edge.protocol import AwsError, Document, short_id
from ministack_edge.sagemaker import (
    job_actors,
    job_steps,
    model_registry,
    quotas,
    step_cache,
)
from ministack_edge.sagemaker.local_job import JobContext, JobError, JobStoppedError
from ministack_edge.sagemaker.pipeline_definition import Scope, holds
from ministack_edge.sagemaker.step_check import check_request
from ministack_edge.sagemaker.step_retries import Attempts, fail_if_ordered
from ministack_edge.storage import objects

LARGEST_PROPERTY_FILE = 2 * 1024 * 1024
"""A cautious figure of ours: SageMaker parses property files whole, to no published limit."""

_JOB_ARN_KEYS = {"Processing": "ProcessingJobArn", "Training": "TrainingJobArn"}


class StepFailedError(Exception):
    """A step ended without success; the text is its FailureReason."""


@dataclass
class StepRunner:
    """Runs the steps of one execution; `scope` is what their expressions can see."""

    execution_arn: str
    pipeline_arn: str
    folder: Path
    context: JobContext
    job_finished: Callable[[str, Document], None]
    extensions: Sequence[Extension] = ()
    scope: Scope = field(init=False)
    substituted: bool = False
    """Whether a job ran with a substitute that changes the results of those after it."""

    def __post_init__(self) -> None:
        self._property_files: dict[tuple[str, str], str] = {}

    def run(self, step: Any, record: Document) -> list[str]:
        """Run to the end; returns the steps that it adds (the branch of a condition)."""
        attempts = Attempts(step.get("RetryPolicies") or [], self.context.stop)
        while True:
            try:
                return self._once(step, record)
            except (AwsError, JobError) as error:
                if not attempts.wait_for_another(error):
                    raise
                record["AttemptCount"] += 1

    def property_file(self, step: str, name: str) -> Any:
        """The document that a step left for expressions."""
        uri = self._property_files.get((step, name))
        if uri is None:
            raise StepFailedError(f"Property file {name} of step {step} is not declared")
        body = Storage(self.context.pipeline).read(*objects.parse(uri))
        if len(body) > LARGEST_PROPERTY_FILE:
            raise StepFailedError(f"Property file {uri} has {len(body)} bytes, too many to parse")
        try:
            return json.loads(body)
        except ValueError as error:
            raise StepFailedError(f"Property file {uri} is not JSON: {error}") from error

    def _once(self, step: Any, record: Document) -> list[str]:
        name, kind = step["Name"], step["Type"]
        if kind == "Condition":
            return self._condition(step, record)
        arguments = self.scope.resolve(step.get("Arguments") or {})
        if kind == "Fail":
            message = str(arguments.get("ErrorMessage", ""))
            record["Metadata"] = {"Fail": {"ErrorMessage": message}}
            raise StepFailedError(message)
        check_request(kind, arguments, what=f"Step {name}")
        if kind == "RegisterModel":
            fail_if_ordered(name)
            self._register(name, arguments, record)
        else:
            self._job(step, arguments, record)
        return []

    def _condition(self, step: Any, record: Document) -> list[str]:
        arguments = step["Arguments"]
        outcome = all(holds(item, self.scope) for item in arguments["Conditions"])
        record["Metadata"] = {"Condition": {"Outcome": str(outcome)}}
        self.scope.results[step["Name"]] = {"Outcome": str(outcome)}
        branch = arguments.get("IfSteps" if outcome else "ElseSteps") or []
        return [item["Name"] for item in branch]

    def _register(self, name: str, arguments: Mapping[str, Any], record: Document) -> None:
        job_actors.register(self.context.pipeline, arguments)
        generated = {
            "GeneratedBy": self.execution_arn,
            **arguments.get("MetadataProperties", {}),
        }
        created = model_registry.create_package({**arguments, "MetadataProperties": generated})
        # What later steps see of the package is what DescribeModelPackage answers.
        self.context.pipeline.require("sagemaker:DescribeModelPackage", created["ModelPackageArn"])
        record["Metadata"] = {"RegisterModel": {"Arn": created["ModelPackageArn"]}}
        self.scope.results[name] = model_registry.describe_package(
            {"ModelPackageName": created["ModelPackageArn"]}
        )

    def _job(self, step: Any, arguments: Mapping[str, Any], record: Document) -> None:
        name, kind = step["Name"], step["Type"]
        key = step_cache.key(self.pipeline_arn, name, kind, arguments)
        result = step_cache.find(key, step.get("CacheConfig"))
        if result is not None:
            record["CacheHitResult"] = {"SourcePipelineExecutionArn": result.execution_arn}
        else:
            fail_if_ordered(name)
            with quotas.machines(kind, arguments):
                document = self._run_job(name, kind, arguments)
            files = {
                file["PropertyFileName"]: _property_file_uri(document, file)
                for file in step.get("PropertyFiles") or []
            }
            result = step_cache.Result(self.execution_arn, document, files)
            step_cache.keep(key, result)
            self.job_finished(kind, document)
        for file, uri in result.property_files.items():
            self._property_files[(name, file)] = uri
        self.scope.results[name] = result.document
        self.substituted = self.substituted or bool(result.document.get("_substituted"))
        record["Metadata"] = {f"{kind}Job": {"Arn": result.document[_JOB_ARN_KEYS[kind]]}}

    def _run_job(self, name: str, kind: str, arguments: Mapping[str, Any]) -> Document:
        substitute = extension.substitute(
            self.extensions,
            JobRequest(
                kind=kind,
                step=name,
                arguments=arguments,
                substituted=self.substituted,
                bucket_exists=objects.exists,
            ),
        )
        real = substitute.arguments if substitute else arguments
        note = substitute.note if substitute else ""
        run = job_steps.run_processing if kind == "Processing" else job_steps.run_training
        job = job_steps.job_name(self.context.execution, name, short_id(10))
        stopped = False
        try:
            document = run(
                real, name=job, folder=self.folder / name, context=self.context, note=note
            )
        except JobStoppedError:
            stopped = True
            raise
        finally:
            job_actors.end_job(self.context.pipeline, kind, job, stopped=stopped)
        # Described as asked for; the log says what was done instead.
        described = {key: arguments[key] for key in ("HyperParameters",) if key in arguments}
        changed = substitute is not None and substitute.changes_results
        return {**document, **described, "_substituted": changed}


def _property_file_uri(document: Document, file: Mapping[str, str]) -> str:
    output = document["ProcessingOutputConfig"]["Outputs"][file["OutputName"]]
    return f"{output['S3Output']['S3Uri'].rstrip('/')}/{file['FilePath']}"
