# SPDX-License-Identifier: Apache-2.0
"""The detection: one message for each item that a camera saw."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from contracts.bins import BINS
from contracts.messages import SCHEMA, ModelName, check_schema, field


class Column(NamedTuple):
    """A column of the archive's table: its name, its Glue type, and what it holds."""

    name: str
    type: str
    comment: str


DETECTION_COLUMNS = (
    Column("schema", "int", "Version of the message schema"),
    Column("thing", "string", "Name of the camera's IoT thing"),
    Column("sequence", "bigint", "Number of the item at this camera; never used twice"),
    Column("observed_at", "string", "When the item was seen, RFC 3339, UTC"),
    Column("class", "string", "What the model saw"),
    Column("bin", "string", "Where the policy says it belongs: landfill, compost or recycling"),
    Column("confidence", "double", "Mean probability of the class over the item's frames, 0 to 1"),
    Column("model", "struct<digest:string,version:string>", "The model that decided"),
    Column("frames", "int", "Frames of the item that were looked at"),
    Column("latency_ms", "double", "From the deciding frame's capture to the message"),
)


@dataclass(frozen=True, kw_only=True)
class Detection:
    """One sorted item.

    ``sequence`` grows with every item of a camera: (thing, sequence) is unique.
    """

    thing: str
    sequence: int
    observed_at: str
    class_name: str
    bin: str
    confidence: float
    model: ModelName
    frames: int
    latency_ms: float

    def to_json(self) -> dict[str, Any]:
        """The message, its keys in the order of ``DETECTION_COLUMNS``."""
        return {
            "schema": SCHEMA,
            "thing": self.thing,
            "sequence": self.sequence,
            "observed_at": self.observed_at,
            "class": self.class_name,
            "bin": self.bin,
            "confidence": round(self.confidence, 4),
            "model": self.model.to_json(),
            "frames": self.frames,
            "latency_ms": round(self.latency_ms, 1),
        }

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> "Detection":
        """Read a message. Raises ValueError naming the field that is missing or wrong."""
        check_schema(message)
        detection = cls(
            thing=field(message, "thing", str),
            sequence=field(message, "sequence", int),
            observed_at=field(message, "observed_at", str),
            class_name=field(message, "class", str),
            bin=field(message, "bin", str),
            confidence=field(message, "confidence", float),
            model=ModelName.from_json(message.get("model")),
            frames=field(message, "frames", int),
            latency_ms=field(message, "latency_ms", float),
        )
        if detection.bin not in BINS:
            raise ValueError(f"field 'bin': {detection.bin!r}; expected one of {', '.join(BINS)}")
        return detection
