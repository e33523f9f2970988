# SPDX-License-Identifier: Apache-2.0
"""The local AWS as a foreground process: `ministack-edge --port 4566 --work FOLDER`.

ministack reads its settings from the environment when it is imported, so they are set here first.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import hashlib
import logging
import os
import re
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ministack_edge.clients import ROOT_SECRET, kept_environment

HOST = "127.0.0.1"
GRACE_SECONDS = 3
WAIT_SCALE = 0.01
"""Wait states pass this much faster: a production rollout may wait for half an hour."""
SAFE_PATH = re.compile(r"[A-Za-z0-9_./+-]+")


def _settings(*, port: int, mqtt_port: int, work: Path, enforce: bool) -> None:
    """A server that listens on this machine only and writes below its work folder only."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "PYTHONPATH"))]:
        # Lambda workers inherit this environment: neither a person's own profile may reach them,
        # nor the packages of the project, which a function does not find on AWS.
        del os.environ[name]
    temporary = work / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        {
            "GATEWAY_PORT": str(port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "IOT_MTLS_ENABLED": "1" if mqtt_port else "0",
            "IOT_MTLS_PORT": str(mqtt_port or ""),
            "SFTP_ENABLED": "0",
            "SFN_WAIT_SCALE": str(WAIT_SCALE),
            "TMPDIR": str(temporary),
            # Whether ministack verifies signatures and decides requests by policies.
            "AUTH": "true" if enforce else "false",
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET,
            "PATH": kept_environment()["PATH"],
        }
    )
    os.environ.setdefault("LOG_LEVEL", "WARNING")


def _shell_safe(work: Path) -> Path:
    """The folder under a name that a script can hold unquoted, as scripts hold /opt/ml."""
    if SAFE_PATH.fullmatch(str(work)):
        return work
    name = f"local-aws-{hashlib.sha256(str(work).encode()).hexdigest()[:16]}"
    alias = Path(tempfile.gettempdir()) / name
    alias.unlink(missing_ok=True)
    alias.symlink_to(work, target_is_directory=True)
    atexit.register(alias.unlink, missing_ok=True)
    return alias


def build(
    *,
    port: int,
    work: Path,
    extensions: Sequence[str] = (),
    enforce: bool = False,
    quota: str = "",
    buffer_seconds: float = 0,
) -> Any:
    """The ASGI application: ministack with everything this package adds."""
    # After the settings, see the module docstring.
    from ministack_edge import ministack_patches  # noqa: PLC0415

    ministack_patches.verify()
    from ministack_edge import (  # noqa: PLC0415
        cloudformation,
        event_buses,
        events,
        extension,
        function_queue,
        metrics,
        private_api,
    )
    from ministack_edge.greengrass import api as greengrass  # noqa: PLC0415
    from ministack_edge.iot import (  # noqa: PLC0415
        certificates,
        credentials_provider,
        device_https,
        mqtt_listener,
        role_aliases,
        rule_actions,
        subscription_index,
    )
    from ministack_edge.sagemaker import api as sagemaker  # noqa: PLC0415
    from ministack_edge.sagemaker import pipelines, quota_names, quotas  # noqa: PLC0415
    from ministack_edge.server_config import config  # noqa: PLC0415
    from ministack_edge.storage import buckets, delivery_streams, queries  # noqa: PLC0415

    config.work, config.endpoint = work, f"http://{HOST}:{port}"
    config.extensions = extension.load(extensions)
    config.quotas = quota_names.parse(quota)
    for part in (
        quotas,
        sagemaker,
        greengrass,
        certificates,
        mqtt_listener,
        device_https,
        role_aliases,
        credentials_provider,
        rule_actions,
        function_queue,
        subscription_index,
        delivery_streams,
        buckets,
        queries,
        metrics,
        cloudformation,
        event_buses,
    ):
        part.install()
    events.install(
        lambda arn, parameters: pipelines.start(
            {"PipelineName": arn, "PipelineParameters": parameters}
        )
    )
    if enforce:
        from ministack_edge import enforcement  # noqa: PLC0415

        enforcement.install(work / "permissions.jsonl")
    if buffer_seconds:
        delivery_streams.buffer(buffer_seconds)
    return private_api.install(endpoint=config.endpoint)


async def _serve(application: Any, *, port: int) -> None:
    from hypercorn.asyncio import serve  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415

    from ministack_edge.sagemaker import pipelines  # noqa: PLC0415

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    config = Config()
    config.bind = [f"{HOST}:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = GRACE_SECONDS
    config.loglevel = os.environ["LOG_LEVEL"]
    try:
        await serve(application, config, shutdown_trigger=stopped.wait)
    finally:
        await asyncio.to_thread(pipelines.stop_all)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ministack-edge", description=__doc__)
    parser.add_argument("--port", type=int, default=4566)
    parser.add_argument(
        "--mqtt-port", type=int, default=0, help="MQTT and HTTPS for devices; 0: none"
    )
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for jobs and temporary files"
    )
    parser.add_argument(
        "--enforce", action="store_true", help="decide every call by the policies that apply to it"
    )
    parser.add_argument(
        "--extension",
        action="append",
        default=[],
        metavar="MODULE:FACTORY[=ARGUMENT]",
        help="what a project plugs in; may be given several times",
    )
    parser.add_argument(
        "--quota",
        default="",
        help="machines that accounts may use, such as 'ml.m5.xlarge for training job usage=0'",
    )
    parser.add_argument(
        "--buffer-seconds",
        type=float,
        default=0,
        help="how long Firehose collects records for an object; 0: each is an object of its own",
    )
    parser.add_argument(
        "--lifeline", action="store_true", help="end when standard input closes (set by a parent)"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal, or until the parent is gone."""
    options = _parse(arguments)
    options.work.mkdir(parents=True, exist_ok=True)
    work = _shell_safe(options.work.resolve())
    _settings(port=options.port, mqtt_port=options.mqtt_port, work=work, enforce=options.enforce)
    if options.lifeline:
        from ministack_edge import parent_watchdog  # noqa: PLC0415

        parent_watchdog.on_parent_exit(parent_watchdog.kill_own_group)
    try:
        application = build(
            port=options.port,
            work=work,
            extensions=options.extension,
            enforce=options.enforce,
            quota=options.quota,
            buffer_seconds=options.buffer_seconds,
        )
        asyncio.run(_serve(application, port=options.port))
    except (RuntimeError, ValueError) as error:
        logging.getLogger("ministack_edge").error("%s", error)
        return 1
    # Worker processes of Lambda functions are in this group; none may stay.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGTERM)
    return 0


if __name__ == "__main__":
    sys.exit(main())
