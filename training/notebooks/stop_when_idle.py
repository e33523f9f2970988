# SPDX-License-Identifier: Apache-2.0
"""Stops the notebook instance that it runs on when nobody has used it for a while.

Run every few minutes by systemd (infra/training/notebook.py) with the instance's own Python: 3.9
on Amazon Linux 2023. Standard library and the aws command only, because the instance has both.
"""

import argparse
import json
import ssl
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

SESSIONS = "https://localhost:8443/api/sessions"
_STARTED = Path("/proc/uptime")
_UTC = timezone.utc  # noqa: UP017 - datetime.UTC came with 3.11


def idle_for(sessions: Sequence[Mapping[str, Any]], *, now: datetime, up: timedelta) -> timedelta:
    """How long nothing has been done: no cell runs, and none has for that long.

    Without an open notebook it is the time since the instance started.
    """
    kernels = [session["kernel"] for session in sessions if session.get("kernel")]
    if any(kernel.get("execution_state") == "busy" for kernel in kernels):
        return timedelta(0)
    last = [_moment(kernel["last_activity"]) for kernel in kernels if "last_activity" in kernel]
    return min([up, *(now - moment for moment in last)])


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=_UTC)


def _sessions() -> list[dict[str, Any]]:
    # Jupyter's certificate is its own; the address never leaves this machine.
    trusting = ssl._create_unverified_context()  # noqa: S323
    with urllib.request.urlopen(SESSIONS, context=trusting, timeout=10) as reply:
        return list(json.load(reply))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--name", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--minutes", type=int, required=True)
    given = parser.parse_args()
    up = timedelta(seconds=float(_STARTED.read_text().split()[0]))
    idle = idle_for(_sessions(), now=datetime.now(_UTC), up=up)
    if idle < timedelta(minutes=given.minutes):
        return
    command = ["aws", "sagemaker", "stop-notebook-instance", "--region", given.region]
    subprocess.run([*command, "--notebook-instance-name", given.name], check=True)


if __name__ == "__main__":
    main()
