# SPDX-License-Identifier: Apache-2.0
"""Telemetry: the state of a camera, sent once a minute and on change.

A new field is one entry of ``Telemetry`` here, with a default, and its value in
``Status.telemetry`` (lambda/inference/camera/messaging/status.py).
"""

from dataclasses import dataclass
from typing import ClassVar

from contracts.messages import Message, Metric, ModelName, described

SOURCE_STATES = ("starting", "streaming", "lost", "paused", "ended")
"""``ended``: a recording was shown to its end. A live camera is never ``ended``, only ``lost``."""
UNSURE = "unsure"
"""The key, in counts by class, of items whose bin is less probable than ``unsure_below``."""
REASONS = ("interval", "change", "command")


@dataclass(frozen=True, kw_only=True)
class Answer(Message):
    """The result of a command."""

    command: str = described("The command")
    accepted: bool = described("Whether the command was carried out")
    detail: str = described("What was done, or why nothing was done")
    id: str = described("The command's own id", default="")
    picture: str | None = described("A small JPEG, base64", default=None)


@dataclass(frozen=True, kw_only=True)
class Telemetry(Message):
    """The state of one camera.

    Rates and latencies cover the time since the last message; counts cover the time since the
    program started.
    """

    VERSIONED: ClassVar[bool] = True

    thing: str = described("Name of the camera's IoT thing")
    observed_at: str = described("The camera's clock, RFC 3339, UTC", format="date-time")
    reason: str = described("Why it was sent: interval, change or command")
    fps: float = described(
        "Frames per second since the last message",
        digits=2,
        low=0,
        label="Frames per second",
        metric=Metric("binsight_fps", "gauge", "Frames per second, last 5 seconds"),
    )
    p50_ms: float = described(
        "Median latency since the last message",
        digits=1,
        label="Latency, median",
        unit="ms",
        metric=Metric("binsight_latency_p50_ms", "gauge", "From capture to answer, median"),
    )
    p99_ms: float = described(
        "99th percentile of the latency since the last message",
        digits=1,
        label="Latency, 99 %",
        unit="ms",
        metric=Metric(
            "binsight_latency_p99_ms", "gauge", "From capture to answer, 99th percentile"
        ),
    )
    frames: int = described(
        "Frames since the program's start",
        low=0,
        label="Frames",
        metric=Metric("binsight_frames_total", "counter", "Frames looked at"),
    )
    dropped: int = described(
        "Frames that were skipped, since the start",
        low=0,
        label="Dropped",
        metric=Metric("binsight_frames_dropped_total", "counter", "Frames replaced by newer ones"),
    )
    bad_frames: int = described(
        "Frames that could not be read, since the start",
        low=0,
        label="Bad",
        metric=Metric(
            "binsight_frames_bad_total", "counter", "Frames that were not valid pictures"
        ),
    )
    detections: int = described(
        "Items since the start",
        low=0,
        label="Items",
        metric=Metric("binsight_detections_total", "counter", "Items reported"),
    )
    classes: dict[str, int] | None = described(
        "Items since the start by class; items that the model was unsure of are counted as unsure",
        default=None,
        # The archive has every detection.
        glue="",
    )
    undelivered: int = described("Detections that wait for delivery or were dropped", low=0)
    model: ModelName | None = described(
        "The model in use, once one was adopted",
        default=None,
        metric=Metric("binsight_model_loaded", "gauge", "1 once a model is in use", bool),
    )
    program: str | None = described(
        "Version of the camera program's component; missing on a laptop",
        default=None,
        label="Program",
    )
    drift: float | None = described(
        "Distance of the last items' pictures from the training photos, in standard deviations; "
        "above 2 the camera reports drift",
        default=None,
        digits=2,
        low=0,
        metric=Metric("binsight_drift", "gauge", "Distance of pictures from the training photos"),
    )
    unnamed: str | None = described(
        "Classes of the model that the bin policy does not name; they go to the default bin",
        default=None,
    )
    source: str = described("Where frames come from, without secrets")
    source_state: str = described(
        "starting, streaming, lost, paused or ended",
        values=SOURCE_STATES,
        metric=Metric(
            "binsight_streaming",
            "gauge",
            "1 while frames arrive",
            lambda state: state == "streaming",
        ),
    )
    uptime_s: float = described(
        "Seconds since the program's start",
        digits=1,
        low=0,
        label="Up",
        unit="s",
        metric=Metric("binsight_uptime_seconds", "gauge", "Since the program started"),
    )
    temperature_c: float | None = described(
        "Degrees Celsius, where readable",
        default=None,
        label="Temperature",
        unit="°C",
        metric=Metric("binsight_temperature_celsius", "gauge", "First thermal zone"),
    )
    problem: str | None = described(
        "What is wrong, for an operator; an alert is sent for it",
        default=None,
        metric=Metric("binsight_problem", "gauge", "1 while something is wrong", bool),
    )
    answer: Answer | None = described("The answer to a command", default=None, glue="")
