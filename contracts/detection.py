# SPDX-License-Identifier: Apache-2.0
"""The detection: one message for each item that a camera saw."""

from dataclasses import dataclass
from typing import ClassVar

from contracts.bins import BIN_WORDS
from contracts.messages import Message, ModelName, described


@dataclass(frozen=True, kw_only=True)
class Detection(Message):
    """One sorted item. Its sequence grows with every item of a camera: thing and sequence together
    are unique."""

    VERSIONED: ClassVar[bool] = True

    thing: str = described("Name of the camera's IoT thing")
    sequence: int = described("Number of the item at this camera; never used twice", low=0)
    observed_at: str = described("When the item was seen, RFC 3339, UTC", format="date-time")
    class_name: str = described("What the model saw", name="class")
    bin: str = described(
        f"Where the policy says it belongs: a bin of the environment; {BIN_WORDS} where its file "
        "names no others"
    )
    confidence: float = described(
        "Mean probability of the class over the item's frames, 0 to 1", digits=4, low=0, high=1
    )
    unsure: bool = described(
        "Whether the item is in the default bin because bin_confidence is below the bin policy's "
        "unsure_below",
        default=False,
    )
    bin_confidence: float | None = described(
        "Mean probability, 0 to 1, of all classes that belong in the same bin as this class",
        default=None,
        digits=4,
        low=0,
        high=1,
    )
    model: ModelName = described("The model that decided")
    frames: int = described("Frames of the item that were looked at", low=0, glue="int")
    latency_ms: float = described("From the deciding frame's capture to the message", digits=1)


DETECTION_COLUMNS = Detection.columns()
