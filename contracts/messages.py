# SPDX-License-Identifier: Apache-2.0
"""What the messages of a camera have in common: reading fields, the model's name, the time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

SCHEMA = 1
"""Version of the message schemas. Rules select only this one, so that a newer camera can be rolled
out before the cloud understands it."""

T = TypeVar("T", str, int, float)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: ``2026-11-22T14:03:07.125Z``."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def field(message: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """A required field of a message. Raises ValueError naming the field, its value and its type."""
    value = message.get(name)
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or isinstance(value, bool):
        raise ValueError(f"field {name!r}: {value!r}; expected {kind.__name__}")
    return kind(value)


def check_schema(message: Mapping[str, Any]) -> None:
    """Refuse a message of another schema version."""
    if message.get("schema") != SCHEMA:
        raise ValueError(f"field 'schema': {message.get('schema')!r}; expected {SCHEMA}")


@dataclass(frozen=True)
class ModelName:
    """Which model: the SHA-256 of its archive (hexadecimal) and its component version."""

    digest: str
    version: str

    def to_json(self) -> dict[str, str]:
        return {"digest": self.digest, "version": self.version}

    @classmethod
    def from_json(cls, message: object) -> "ModelName":
        if not isinstance(message, Mapping):
            raise ValueError(f"field 'model': {message!r}; expected an object")
        return cls(digest=field(message, "digest", str), version=field(message, "version", str))
