# SPDX-License-Identifier: Apache-2.0
"""Entry of the generic component: runs until Greengrass stops it, and fails if it cannot start.

The settings come from the component's configuration, through the core's IPC: in a recipe's script
they would have to be quoted for a shell and two nuclei.
"""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from camera.messaging.publishers import connect_to_core, open_publisher
from camera.messaging.subscribers import open_subscriber
from camera.settings import SettingsError, from_environment
from camera.signals import EndSignals

_log = logging.getLogger(__name__)
_LONGEST_END = 10.0
"""Seconds for the parts to end; parts that still run end with the process."""


def environment_of(configuration: Mapping[str, Any]) -> dict[str, str]:
    """The program's variables in a component configuration, under their own names.

    A manual deployment may contain numbers and objects instead of text; objects become JSON.
    """
    variables = {}
    for name, value in configuration.items():
        if name.startswith("BINSIGHT_"):
            # A nucleus gives whole numbers back as 5.0.
            whole = isinstance(value, float) and value.is_integer()
            text = str(int(value)) if whole else value
            variables[name] = text if isinstance(text, str) else json.dumps(text)
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
        # BROKEN; nucleus lite does not roll back by itself (docs/packaging.md).
        print(f"camera: {error}", file=sys.stderr)
        return 2
    # Loading numpy and onnxruntime takes seconds on a small board: settings are checked first.
    from camera.program import Program  # noqa: PLC0415

    program = Program(settings, publisher=publisher, subscriber=open_subscriber(settings.publisher))
    told = EndSignals()
    # In a thread, so that the main thread can react to signals.
    thread = threading.Thread(target=program.run, name="camera", daemon=True)
    thread.start()
    while thread.is_alive() and not told:
        thread.join(0.1)
    program.stop.set()
    thread.join(timeout=_LONGEST_END)
    return 0 if told else 1


def _configuration(connect: Callable[[], Any]) -> dict[str, str]:
    """The component's configuration; empty outside a core, where environment variables are used."""
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
