# SPDX-License-Identifier: Apache-2.0
"""Entry of the inference Lambda: a pinned function whose camera program runs beside its handler.

A pinned function must finish its import, and later failures must not end it: the
program starts in a daemon thread, which waits for a missing model or camera instead of failing.
Invalid settings raise an error at once, so that the Lambda manager reports them.
"""

import logging
import os
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from camera.backoff import Backoff
from camera.messaging.publishers import open_publisher
from camera.messaging.subscribers import open_subscriber
from camera.settings import Settings, from_environment

if TYPE_CHECKING:
    from camera.program import Program

_log = logging.getLogger(__name__)


class _Camera:
    """Starts the program and keeps a reference to it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._publisher = open_publisher(settings.publisher)
        self.program: Program | None = None
        threading.Thread(target=self._run, name="camera", daemon=True).start()

    def _run(self) -> None:
        backoff = Backoff(first=1.0, longest=60.0)
        while True:
            try:
                # Not at import: loading numpy and onnxruntime takes seconds on a small board.
                from camera.program import Program  # noqa: PLC0415

                self.program = Program(
                    self._settings,
                    publisher=self._publisher,
                    subscriber=open_subscriber(self._settings.publisher),
                )
                self.program.run()
                return
            except Exception:  # noqa: BLE001 - the component must outlive it
                delay = backoff.failed()
                _log.exception("camera program failed to start; again in %.0f s", delay)
                time.sleep(delay)

    def command(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a command and return its answer, which is also sent as telemetry."""
        if self.program is None:
            return {"accepted": False, "detail": "the camera program is still starting"}
        answer = self.program.commands.carry_out(event)
        if answer is None:
            return {"accepted": True, "detail": "carried out before"}
        return answer.to_json()


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Take a command, as from the commands topic: ``{"command": "pause"}``.

    For direct invocation; the answer to an unknown command lists the allowed ones.
    """
    del context
    return _camera.command(event)


logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
_camera = _Camera(from_environment(os.environ))
