# SPDX-License-Identifier: Apache-2.0
"""Functions that rules call: asynchronous invocations wait in a queue, as on AWS.

ministack starts a thread and, for each that finds no idle one, a process per message: a burst of
messages would start as many processes as there are messages.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ministack.services import iot, lambda_svc

from ministack_edge import ministack_patches

AT_ONCE = 4
"""Invocations at the same time; on AWS as many as the account may have, 10 to 1,000 and more."""
_log = logging.getLogger("ministack_edge")
_queue = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="rule-function")


def _invoke(account: str, region: str, function_arn: str, event: Any) -> None:
    function, config, _name = lambda_svc._get_func_record_for_ref_in_scope(
        function_arn, account_id=account, region=region
    )
    if not function or not config:
        _log.warning("IoT rule: function %s not found", function_arn)
        return
    record = lambda_svc._execution_record_for_config(function, config)
    _queue.submit(lambda_svc._execute_function_with_config_scope, record, event)


def install() -> None:
    """Let rules queue their invocations."""
    ministack_patches.wrap(iot.__name__, "_dispatch_rule_to_lambda", lambda _original: _invoke)
