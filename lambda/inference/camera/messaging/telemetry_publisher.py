# SPDX-License-Identifier: Apache-2.0
"""Publish telemetry: at the interval, soon after a change, and as the answer to a command."""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from camera.messaging.publishers import MAXIMUM_BYTES, Publisher, PublishError
from camera.settings import Settings
from contracts.telemetry import Answer, Telemetry

_log = logging.getLogger(__name__)
_GATHER_SECONDS, _REST_SECONDS = 0.3, 3.0


class TelemetryPublisher:
    """Sends the message that ``telemetry`` makes for a reason and an answer. A message that cannot
    be sent is dropped.

    ``changed`` is set when something changed that should be reported soon.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        publisher: Publisher,
        changed: threading.Event,
        telemetry: Callable[[str, Answer | None], Telemetry],
    ) -> None:
        self._topic = settings.topics.telemetry(settings.thing)
        self._interval = settings.telemetry_seconds
        self._publisher = publisher
        self._changed = changed
        self._telemetry = telemetry

    def send(self, reason: str, *, answer: Answer | None = None) -> None:
        """Send telemetry now."""
        message = self._telemetry(reason, answer)
        try:
            self._publisher.publish(self._topic, _fitting(message))
        except (PublishError, ValueError) as error:
            _log.warning("telemetry not sent: %s", error)

    def run(self, stop: threading.Event) -> None:
        """Send until ``stop`` is set; changes are collected for a moment."""
        due, sent = time.monotonic(), -_REST_SECONDS
        # The first message is sent soon after the start.
        self._changed.set()
        while not stop.is_set():
            changed = self._changed.wait(min(max(due - time.monotonic(), 0), 0.2))
            if not changed and time.monotonic() < due:
                continue
            if changed:
                # Collect changes for a moment, so that a fluctuating state is not reported every
                # time.
                rest = max(_GATHER_SECONDS, sent + _REST_SECONDS - time.monotonic())
                stop.wait(min(rest, self._interval))
                self._changed.clear()
            self.send("change" if changed else "interval")
            sent = time.monotonic()
            due = sent + self._interval


def _fitting(message: Telemetry) -> bytes:
    """The message; if it is too large, the least important parts are omitted first."""
    payload = _packed(message)
    if len(payload) > MAXIMUM_BYTES and message.answer is not None:
        message = replace(message, answer=replace(message.answer, picture=None))
        payload = _packed(message)
    if len(payload) > MAXIMUM_BYTES:
        # In JSON a character takes 12 bytes at most.
        problem, answer = message.problem, message.answer
        short = replace(
            message,
            problem=problem and problem[:200],
            source=message.source[:100],
            answer=answer and replace(answer, detail=answer.detail[:100]),
        )
        payload = _packed(short)
    return payload


def _packed(message: Telemetry) -> bytes:
    return json.dumps(message.to_json(), separators=(",", ":")).encode()
