# SPDX-License-Identifier: Apache-2.0
"""Telemetry: how a camera is, once a minute and on change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.messages import SCHEMA, ModelName, check_schema, field

SOURCE_STATES = ("starting", "streaming", "lost", "paused", "ended")
"""``ended``: a recording was shown to its end. A camera never ends; it is lost."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a command. ``picture`` is a small JPEG, base64; ``id`` is the command's own."""

    command: str
    accepted: bool
    detail: str
    id: str = ""
    picture: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The answer; absent values are left out."""
        message = {
            "command": self.command,
            "id": self.id or None,
            "accepted": self.accepted,
            "detail": self.detail,
            "picture": self.picture,
        }
        return {key: value for key, value in message.items() if value is not None}

    @classmethod
    def from_json(cls, message: object) -> "Answer":
        if not isinstance(message, Mapping) or not isinstance(message.get("accepted"), bool):
            raise ValueError(f"field 'answer': {message!r}; expected an object with 'accepted'")
        return cls(
            command=field(message, "command", str),
            accepted=message["accepted"],
            detail=field(message, "detail", str),
            id=field(message, "id", str) if "id" in message else "",
            picture=field(message, "picture", str) if "picture" in message else None,
        )


@dataclass(frozen=True, kw_only=True)
class Telemetry:
    """The state of one camera.

    ``reason`` is why it was sent (``interval``, ``change`` or ``command``, which has an
    ``answer``). Rates and latencies cover the time since the last message; counts are since the
    start. ``model`` is None until one was adopted. ``problem`` is a sentence for an operator, or
    None: a rule raises an alert for it.
    """

    thing: str
    observed_at: str
    reason: str
    fps: float
    p50_ms: float
    p99_ms: float
    frames: int
    dropped: int
    bad_frames: int
    detections: int
    undelivered: int
    model: ModelName | None
    source: str
    source_state: str
    uptime_s: float
    temperature_c: float | None
    problem: str | None
    answer: Answer | None = None

    def to_json(self) -> dict[str, Any]:
        """The message; absent values are left out, so that rules can test for them."""
        message = {
            "schema": SCHEMA,
            "thing": self.thing,
            "observed_at": self.observed_at,
            "reason": self.reason,
            "fps": round(self.fps, 2),
            "p50_ms": round(self.p50_ms, 1),
            "p99_ms": round(self.p99_ms, 1),
            "frames": self.frames,
            "dropped": self.dropped,
            "bad_frames": self.bad_frames,
            "detections": self.detections,
            "undelivered": self.undelivered,
            "model": self.model.to_json() if self.model else None,
            "source": self.source,
            "source_state": self.source_state,
            "uptime_s": round(self.uptime_s, 1),
            "temperature_c": self.temperature_c,
            "problem": self.problem,
            "answer": self.answer.to_json() if self.answer else None,
        }
        return {key: value for key, value in message.items() if value is not None}

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> "Telemetry":
        """Read a message. Raises ValueError naming the field that is missing or wrong."""
        check_schema(message)
        state = field(message, "source_state", str)
        if state not in SOURCE_STATES:
            raise ValueError(f"field 'source_state': {state!r}; expected one of {SOURCE_STATES}")
        model = message.get("model")
        return cls(
            thing=field(message, "thing", str),
            observed_at=field(message, "observed_at", str),
            reason=field(message, "reason", str),
            fps=field(message, "fps", float),
            p50_ms=field(message, "p50_ms", float),
            p99_ms=field(message, "p99_ms", float),
            frames=field(message, "frames", int),
            dropped=field(message, "dropped", int),
            bad_frames=field(message, "bad_frames", int),
            detections=field(message, "detections", int),
            undelivered=field(message, "undelivered", int),
            model=None if model is None else ModelName.from_json(model),
            source=field(message, "source", str),
            source_state=state,
            uptime_s=field(message, "uptime_s", float),
            temperature_c=(
                None if "temperature_c" not in message else field(message, "temperature_c", float)
            ),
            problem=None if "problem" not in message else field(message, "problem", str),
            answer=Answer.from_json(message["answer"]) if "answer" in message else None,
        )
