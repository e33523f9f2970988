# SPDX-License-Identifier: Apache-2.0
"""Brings the log of a finished step to CloudWatch Logs, where SageMaker users look for it."""

from __future__ import annotations

import time
from pathlib import Path

from ministack.services import cloudwatch_logs

GROUP = "/aws/sagemaker/PipelineSteps"
MAXIMUM_LINES = 2000


def publish(folder: Path, step: str) -> None:
    """Put the step's lines in the stream <execution>/<step>; without a process there are none."""
    log = folder / step / "log.txt"
    if not log.is_file():
        return
    stream = f"{folder.name}/{step}"
    cloudwatch_logs._create_log_group({"logGroupName": GROUP})
    cloudwatch_logs._create_log_stream({"logGroupName": GROUP, "logStreamName": stream})
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-MAXIMUM_LINES:]
    moment = int(time.time() * 1000)
    cloudwatch_logs._put_log_events(
        {
            "logGroupName": GROUP,
            "logStreamName": stream,
            "logEvents": [{"timestamp": moment, "message": line} for line in lines],
        }
    )
