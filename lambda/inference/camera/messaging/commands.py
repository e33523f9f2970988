# SPDX-License-Identifier: Apache-2.0
"""The commands that a camera accepts, and its answers."""

import base64
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from camera.vision.frame_buffer import Frame
from camera.vision.jpeg import BadFrameError, encode, small_copy
from contracts.given import parsed_json
from contracts.telemetry import Answer

_log = logging.getLogger(__name__)
_PICTURES_KEPT = 20
_PREVIEW_CHARACTERS = 4000
"""Leaves room for the rest of a telemetry message within a core's limit (7,000 bytes)."""
_LONGEST_ID = 64
_IDENTIFY_SECONDS = 30.0


class CommandError(ValueError):
    """The command is refused; the message says what is allowed."""


class Commands:
    """Carries out commands: ``{"command": "pause"}`` and others, see ``actions``.

    A command with an ``id`` is carried out once, however often it is delivered, and its answer has
    the same ``id``.
    """

    def __init__(
        self,
        *,
        paused: threading.Event,
        set_threshold: Callable[[float], None],
        newest: Callable[[], Frame | None],
        identify: Callable[[float], None],
        answer: Callable[[Answer], None],
        folder: Path,
    ) -> None:
        self._paused = paused
        self._set_threshold = set_threshold
        self._newest = newest
        self._identify = identify
        self._answer = answer
        self._folder = folder
        self._done: deque[str] = deque(maxlen=100)
        self.actions: dict[str, Callable[[Mapping[str, Any]], tuple[str, str | None]]] = {
            "pause": self._pause,
            "resume": self._resume,
            "report": lambda _: ("this is the camera's state", None),
            "picture": self._picture,
            "threshold": self._threshold,
            "identify": self._identify_self,
        }

    def take(self, payload: bytes) -> Answer | None:
        """Carry out a message from the commands topic; None if it was carried out before."""
        try:
            document = parsed_json(payload)
        except ValueError:
            document = None
        return self.carry_out(document)

    def carry_out(self, document: object) -> Answer | None:
        """Carry out a command and send its answer."""
        command: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
        name, number = str(command.get("command", ""))[:32], str(command.get("id", ""))
        if len(number) > _LONGEST_ID:
            number = number[:_LONGEST_ID]
        if number and number in self._done:
            return None
        if number:
            self._done.append(number)
        picture = None
        try:
            action = self.actions.get(name)
            if action is None:
                allowed = ", ".join(self.actions)
                raise CommandError(f"command {name!r}: allowed are {allowed}")
            detail, picture = action(command)
            accepted = True
        except CommandError as error:
            accepted, detail = False, str(error)
            _log.warning("%s", detail)
        answer = Answer(command=name, id=number, accepted=accepted, detail=detail, picture=picture)
        self._answer(answer)
        return answer

    def _pause(self, _: Mapping[str, Any]) -> tuple[str, None]:
        self._paused.set()
        return "paused: no frame is analysed until resume or a restart", None

    def _resume(self, _: Mapping[str, Any]) -> tuple[str, None]:
        self._paused.clear()
        return "resumed", None

    def _threshold(self, command: Mapping[str, Any]) -> tuple[str, None]:
        value = command.get("value")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise CommandError(f"threshold: value = {value!r}: allowed are 0 to 1")
        self._set_threshold(float(value))
        return f"unsure below {value:g} until the next restart", None

    def _identify_self(self, _: Mapping[str, Any]) -> tuple[str, None]:
        self._identify(_IDENTIFY_SECONDS)
        return f"the project stream is framed for {_IDENTIFY_SECONDS:g} s", None

    def _picture(self, _: Mapping[str, Any]) -> tuple[str, str | None]:
        """Keep the newest frame on the camera; answer with a small copy."""
        frame = self._newest()
        if frame is None:
            raise CommandError("picture: the camera has delivered no frame yet")
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}.jpg"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / name).write_bytes(frame.jpeg)
            for old in sorted(self._folder.glob("*.jpg"))[:-_PICTURES_KEPT]:
                old.unlink()
            detail = f"kept as {self._folder / name}"
        except OSError as error:
            detail = f"not kept on the camera: {error.strerror}"
        return detail, _preview(frame.jpeg)


def _preview(jpeg: bytes) -> str | None:
    """A copy small enough for a message, base64; None if it cannot be made small enough."""
    try:
        rgb = small_copy(jpeg, rows=90)
    except BadFrameError:
        return None
    for step in (1, 2, 3, 4):
        for quality in (60, 30):
            text = base64.b64encode(encode(rgb[::step, ::step], quality=quality)).decode()
            if len(text) <= _PREVIEW_CHARACTERS:
                return text
    return None
