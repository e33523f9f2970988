# SPDX-License-Identifier: Apache-2.0
"""Functions that rules of AWS IoT and EventBridge call: events wait in a queue, as on AWS.

ministack starts a thread and, for each that finds no idle one, a process per event: 200 cameras
that report a deployment at the same moment would start 200 processes, which all reach the
function's timeout. And it waits 50 ms after each invocation for a first line of its log, which most
invocations do not write: that would limit what all rules' functions take to 70 messages a second.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import eventbridge, iot, lambda_svc

from ministack_edge import ministack_patches

AT_ONCE = 4
"""Invocations of one function at the same time; on AWS as many as the account may have, 10 to
1,000 and more."""
_LOG_SECONDS = 0.005
"""A line that comes later than so is in the log of the next invocation."""
_THREADS = "queued-function"
_log = logging.getLogger("ministack_edge")
_queues: dict[str, ThreadPoolExecutor] = {}
_lock = threading.Lock()


def _queue(name: str) -> ThreadPoolExecutor:
    """One for each function: a slow one must not hold up the others."""
    with _lock:
        if name not in _queues:
            _queues[name] = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=_THREADS)
        return _queues[name]


def _submit(found: tuple[Any, Any, str], function_arn: str, event: Any) -> None:
    function, config, _name = found
    if not function or not config:
        _log.warning("a rule's function %s was not found", function_arn)
        return
    record = lambda_svc._execution_record_for_config(function, config)
    queue = _queue(str(config.get("FunctionArn") or config["FunctionName"]))
    queue.submit(lambda_svc._execute_function_with_config_scope, record, event)


def _from_iot(account: str, region: str, function_arn: str, event: Any) -> None:
    found = lambda_svc._get_func_record_for_ref_in_scope(
        function_arn, account_id=account, region=region
    )
    _submit(found, function_arn, event)


def _from_eventbridge(function_arn: str, payload: str) -> None:
    try:
        event = json.loads(payload)
    except (ValueError, TypeError):
        event = {"body": payload}
    _submit(lambda_svc._get_func_record_for_ref(function_arn), function_arn, event)


def _hurried(original: Callable[..., str]) -> Callable[..., str]:
    def drain(worker: Any, first_line_wait: float = 0.050, **more: float) -> str:
        if threading.current_thread().name.startswith(_THREADS):
            first_line_wait = _LOG_SECONDS
        return original(worker, first_line_wait, **more)

    return drain


def install() -> None:
    """Let rules queue their invocations."""
    worker = lambda_runtime.Worker
    worker._drain_stderr_bounded = _hurried(worker._drain_stderr_bounded)
    ministack_patches.wrap(iot.__name__, "_dispatch_rule_to_lambda", lambda _original: _from_iot)
    ministack_patches.wrap(
        eventbridge.__name__, "_dispatch_to_lambda", lambda _original: _from_eventbridge
    )
