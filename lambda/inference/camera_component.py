# SPDX-License-Identifier: Apache-2.0
"""Entry of the generic component: runs until Greengrass ends it, fails if it cannot begin.

The settings come from the component's configuration, through the core's IPC: a recipe that put
them into a script would have to quote them for a shell and for two nuclei.
"""

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from camera.messaging.publishers import connect_to_core, open_publisher
from camera.messaging.subscribers import open_subscriber
from camera.settings import SettingsError, from_environment
from camera.signals import EndSignals

_log = logging.getLogger(__name__)
_NOT_OURS = {"accessControl"}
_LONGEST_END = 10.0
"""Seconds for the parts to end; what then still runs ends with the process."""


def environment_of(configuration: Mapping[str, Any]) -> dict[str, str]:
    """A component configuration as the variables of the Lambda packaging.

    ``topicPrefix`` becomes ``BINSIGHT_TOPIC_PREFIX``; objects become JSON.
    """
    variables = {}
    for key, value in configuration.items():
        if key not in _NOT_OURS:
            name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).upper()
            number = isinstance(value, float) and value.is_integer()
            text = str(int(value)) if number else value
            variables[f"BINSIGHT_{name}"] = text if isinstance(text, str) else json.dumps(text)
    return variables


def main(connect: Callable[[], Any] = connect_to_core) -> int:
    """Run the camera program; return the exit status."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        settings = from_environment({**_configuration(connect), **os.environ})
        publisher = open_publisher(settings.publisher)
    except (SettingsError, ValueError) as error:
        # The component ends as BROKEN. What that does to the deployment: docs/packaging.md.
        print(f"camera: {error}", file=sys.stderr)
        return 2
    # Loading numpy and onnxruntime takes seconds on a small board: settings are checked first.
    from camera.program import Program  # noqa: PLC0415

    program = Program(settings, publisher=publisher, subscriber=open_subscriber(settings.publisher))
    told = EndSignals()
    # In a thread, so that this one is free to act on a signal.
    thread = threading.Thread(target=program.run, name="camera", daemon=True)
    thread.start()
    while thread.is_alive() and not told:
        thread.join(0.1)
    program.stop.set()
    thread.join(timeout=_LONGEST_END)
    return 0 if told else 1


def _configuration(connect: Callable[[], Any]) -> dict[str, str]:
    """The component's configuration; nothing outside a core, where variables say it all."""
    if "SVCUID" not in os.environ:
        return {}
    try:
        client = connect()
        answer = client.get_configuration(key_path=[])
        client.close(executor_wait=False)
    except Exception as error:
        # The SDK raises many unrelated types.
        raise SettingsError(f"component configuration: {type(error).__name__}: {error}") from error
    return environment_of(answer.value or {})


if __name__ == "__main__":
    sys.exit(main())
