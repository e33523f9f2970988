# SPDX-License-Identifier: Apache-2.0
"""What a step of a pipeline definition may say, checked as a whole when a pipeline is made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ministack_edge.protocol import AwsError
from ministack_edge.sagemaker.job_limits import check_job
from ministack_edge.sagemaker.request_check import check, is_expression

_COMMON = {"Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description"}
_JOB = {*_COMMON, "CacheConfig", "RetryPolicies"}
STEP_KEYS: dict[str, set[str]] = {
    "Processing": {*_JOB, "PropertyFiles"},
    "Training": _JOB,
    "Condition": _COMMON,
    "RegisterModel": {*_COMMON, "RetryPolicies"},
    "Fail": _COMMON,
}
"""The step types that the local AWS runs, and what each may say."""

_REQUESTS = {
    "Processing": ("CreateProcessingJobRequest", ("ProcessingJobName",)),
    "Training": ("CreateTrainingJobRequest", ("TrainingJobName",)),
    "RegisterModel": ("CreateModelPackageInput", ()),
}
_STEP_ERRORS = {"Step.SERVICE_FAULT", "Step.THROTTLING"}
_JOB_ERRORS = {
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
}
_POLICY_KEYS = {"ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts", "ExpireAfterMin"}
_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")
_DURATION = re.compile(r"P?(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?)?", re.IGNORECASE)
_METADATA = re.compile(r"[\w\s.:/=+\-@]*")


def check_step(step: Mapping[str, Any]) -> None:
    """Raise what CreatePipeline answers for a step that SageMaker would not take."""
    name, kind = step["Name"], step["Type"]
    if not _NAME.fullmatch(name):
        raise _invalid(name, "its name must match [A-Za-z0-9-_]{1,64}")
    unknown = sorted(set(step) - STEP_KEYS[kind])
    if unknown:
        raise _invalid(name, f"unknown key {unknown[0]}; a {kind} step knows {STEP_KEYS[kind]}")
    arguments = step.get("Arguments") or {}
    if kind in _REQUESTS:
        check_request(kind, arguments, what=f"Step {name}")
    _check_cache(name, step.get("CacheConfig"))
    for policy in step.get("RetryPolicies") or []:
        _check_policy(name, policy, job=kind in ("Processing", "Training"))
    _check_property_files(name, arguments, step.get("PropertyFiles") or [])


def check_request(kind: str, arguments: Mapping[str, Any], *, what: str) -> None:
    """The request that a step makes; also after its expressions have been resolved."""
    shape, filled_in = _REQUESTS[kind]
    check(shape, arguments, what=what, without=filled_in)
    check_job(kind, arguments, what=what)
    if kind == "Training":
        _check_spot(arguments, what)
    if kind == "RegisterModel":
        _check_package(arguments, what)


def _check_spot(arguments: Mapping[str, Any], what: str) -> None:
    limits = arguments.get("StoppingCondition") or {}
    wait, run = limits.get("MaxWaitTimeInSeconds"), limits.get("MaxRuntimeInSeconds", 86400)
    if arguments.get("EnableManagedSpotTraining"):
        if wait is None or wait < run:
            raise AwsError(
                "ValidationException",
                f"{what}: MaxWaitTimeInSeconds must be at least MaxRuntimeInSeconds for a job "
                "with managed spot training",
            )
    elif wait is not None:
        raise AwsError(
            "ValidationException",
            f"{what}: MaxWaitTimeInSeconds is for managed spot training only",
        )


def _check_package(arguments: Mapping[str, Any], what: str) -> None:
    if arguments.get("ModelPackageGroupName") and arguments.get("Tags"):
        raise AwsError(
            "ValidationException", f"{what}: a versioned model package takes its group's tags"
        )
    for key, value in (arguments.get("CustomerMetadataProperties") or {}).items():
        for text in (key, value):
            if not is_expression(text) and not _METADATA.fullmatch(text):
                raise AwsError(
                    "ValidationException",
                    f"{what}: CustomerMetadataProperties {key} = {value!r}: allowed: letters, "
                    "digits, spaces and _.:/=+-@",
                )


def _check_cache(name: str, config: Mapping[str, Any] | None) -> None:
    if config is None:
        return
    if set(config) - {"Enabled", "ExpireAfter"} or not isinstance(config.get("Enabled"), bool):
        raise _invalid(name, "CacheConfig is {Enabled: true or false, ExpireAfter: duration}")
    if config["Enabled"] and not _DURATION.fullmatch(config.get("ExpireAfter") or "-"):
        raise _invalid(
            name, f"CacheConfig.ExpireAfter = {config.get('ExpireAfter')!r}: no duration"
        )


def _check_policy(name: str, policy: Mapping[str, Any], *, job: bool) -> None:
    known = _STEP_ERRORS | _JOB_ERRORS if job else _STEP_ERRORS
    kinds = policy.get("ExceptionType") or []
    if set(policy) - _POLICY_KEYS or not kinds or set(kinds) - known:
        raise _invalid(name, f"RetryPolicies: {dict(policy)}; kinds: {', '.join(sorted(known))}")
    bounded = ("MaxAttempts" in policy) + ("ExpireAfterMin" in policy)
    if bounded != 1 or not 1 <= policy.get("MaxAttempts", 1) <= 20:
        raise _invalid(name, "RetryPolicies: give MaxAttempts (1 to 20) or ExpireAfterMin")
    if not 0 < policy.get("IntervalSeconds", 1) <= 43200:
        raise _invalid(name, "RetryPolicies: IntervalSeconds is 1 to 43200")


def _check_property_files(name: str, arguments: Any, files: list[Mapping[str, Any]]) -> None:
    outputs = (arguments.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    known = {item["OutputName"] for item in outputs}
    for file in files:
        if set(file) != {"PropertyFileName", "OutputName", "FilePath"}:
            raise _invalid(name, f"PropertyFiles: {dict(file)}")
        if file["OutputName"] not in known:
            raise _invalid(name, f"property file of the unknown output {file['OutputName']}")


def _invalid(name: str, message: str) -> AwsError:
    return AwsError("ValidationException", f"Step {name}: {message}")
