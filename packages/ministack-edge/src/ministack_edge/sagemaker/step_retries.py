# SPDX-License-Identifier: Apache-2.0
"""Retry policies of steps, and failures on order, so that a rehearsal can see them at work."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from ministack_edge.protocol import AwsError, Document, require, store
from ministack_edge.sagemaker.local_job import JobError, JobStoppedError

WAIT_SCALE = 0.01
"""Intervals pass this much faster, like the wait states of state machines."""

_KINDS = {
    "ThrottlingException": "Step.THROTTLING",
    "ServiceUnavailable": "Step.SERVICE_FAULT",
    "InternalFailure": "Step.SERVICE_FAULT",
    "InternalServerError": "SageMaker.JOB_INTERNAL_ERROR",
    "CapacityError": "SageMaker.CAPACITY_ERROR",
    "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
}

_ordered: Any = store()


def order(request: Document) -> Document:
    """Let the next ``Times`` starts of a step fail with the error ``Code``."""
    require(request, "StepName", "Code")
    if request["Code"] not in _KINDS:
        raise AwsError("ValidationException", f"Code is one of {', '.join(_KINDS)}")
    _ordered[request["StepName"]] = [request["Code"]] * int(request.get("Times", 1))
    return {}


def fail_if_ordered(step: str) -> None:
    """Raise the failure that was ordered for this start of the step, if any is left."""
    if left := _ordered.get(step):
        code = left.pop()
        raise AwsError(code, f"{code}: ordered for step {step}")


class Attempts:
    """Counts the attempts of one step and waits between them."""

    def __init__(self, policies: Sequence[Mapping[str, Any]], stop: threading.Event) -> None:
        self._policies = policies
        self._stop = stop
        self._made: dict[int, int] = {}

    def wait_for_another(self, error: Exception) -> bool:
        """Whether a policy grants another attempt; returns after its interval."""
        kind = _KINDS.get(error.code) if isinstance(error, AwsError) else _job_kind(error)
        for number, policy in enumerate(self._policies):
            if kind in policy["ExceptionType"]:
                made = self._made.get(number, 0)
                if made >= int(policy.get("MaxAttempts", 20)):
                    return False
                self._made[number] = made + 1
                interval = float(policy.get("IntervalSeconds", 1))
                interval *= float(policy.get("BackoffRate", 2.0)) ** made
                if self._stop.wait(interval * WAIT_SCALE):
                    raise JobStoppedError
                return True
        return False


def _job_kind(error: Exception) -> str | None:
    """A job's failure reason begins with what went wrong; an AlgorithmError is never retried."""
    if not isinstance(error, JobError):
        return None
    return _KINDS.get(str(error).partition(":")[0])
