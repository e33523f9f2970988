# SPDX-License-Identifier: Apache-2.0
"""How the messages of a camera are defined: each field once, with its meaning.

A message is a dataclass whose fields are made by ``described``. Reading, writing, the published
JSON Schema (contracts/schema), the archive's columns, the page's numbers and its metrics follow
from that definition. Only the standard library is needed: contracts run in Lambda and in training.
"""

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import NoneType
from typing import Any, ClassVar, NamedTuple, Self

SCHEMA = 1
"""Version of the message schemas. Rules select only this one, so that a newer camera can be rolled
out before the cloud understands it."""


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: ``2026-11-22T14:03:07.125Z``."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


class Column(NamedTuple):
    """A column of an archive's table: its name, its Glue type, and what it holds."""

    name: str
    type: str
    comment: str


class Metric(NamedTuple):
    """A Prometheus metric of a field. ``value`` converts the field's value to a number."""

    name: str
    kind: str
    text: str
    value: Callable[[Any], float] = float


@dataclass(frozen=True, kw_only=True)
class Field:
    """The description of a message's field, besides its type and default.

    ``name`` is its key, if that differs from the attribute. ``digits``: numbers are rounded to this
    many digits. ``values``: the allowed texts. ``low`` and ``high``: the smallest and largest
    number allowed. ``glue``: the column's type, if it is not the usual one; empty: there is no
    column. ``label`` and ``unit``: how the page shows it. ``metric``: its Prometheus metric.
    """

    meaning: str
    name: str = ""
    digits: int | None = None
    values: Sequence[str] = ()
    low: float | None = None
    high: float | None = None
    format: str = ""
    glue: str | None = None
    label: str = ""
    unit: str = ""
    metric: Metric | None = None


def described(meaning: str, *, default: Any = dataclasses.MISSING, **known: Any) -> Any:
    """A field of a message. With a default it is optional, and omitted when it has that value.

    ``known`` are the arguments of ``Field``.
    """
    about = Field(meaning=meaning, **known)
    return dataclasses.field(default=default, metadata={"about": about})


class Item(NamedTuple):
    """A field of a message class: attribute, key, type (without None), description, default."""

    attribute: str
    key: str
    kind: Any
    about: Field
    default: Any

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING


_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object"}
_GLUE_TYPES = {str: "string", int: "bigint", float: "double", bool: "boolean"}
_GLUE_TYPES[dict] = "map<string,bigint>"


class Message:
    """Base class of messages and their objects. ``VERSIONED``: it starts with ``schema``."""

    VERSIONED: ClassVar[bool] = False

    def to_json(self) -> dict[str, Any]:
        """The message as a JSON object; optional fields that have their default are omitted."""
        message: dict[str, Any] = {"schema": SCHEMA} if self.VERSIONED else {}
        for item in items(type(self)):
            value = getattr(self, item.attribute)
            if item.required or value != item.default:
                message[item.key] = _written(value, item.about)
        return message

    @classmethod
    def from_json(cls, message: object) -> Self:
        """Read a message. Raises ValueError naming the field that is missing or wrong."""
        if not isinstance(message, Mapping):
            raise ValueError(f"{cls.__name__}: {message!r}; expected an object")
        if cls.VERSIONED and message.get("schema") != SCHEMA:
            raise ValueError(f"field 'schema': {message.get('schema')!r}; expected {SCHEMA}")
        values = {
            item.attribute: _read(message, item)
            for item in items(cls)
            if item.required or item.key in message
        }
        return cls(**values)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """Its JSON Schema (2020-12), without ``$schema`` and ``$id``."""
        fixed = {"schema": {"const": SCHEMA, "description": "Version of the message schema"}}
        known = items(cls)
        properties = {item.key: _property(item) for item in known}
        return {
            "type": "object",
            "description": " ".join((cls.__doc__ or "").split()),
            "properties": {**fixed, **properties} if cls.VERSIONED else properties,
            "required": [
                *(["schema"] if cls.VERSIONED else []),
                *(item.key for item in known if item.required),
            ],
        }

    @classmethod
    def columns(cls) -> tuple[Column, ...]:
        """The columns of the table that archives it."""
        version = Column("schema", "int", "Version of the message schema")
        return (*([version] if cls.VERSIONED else []), *_columns(cls))


_ITEMS: dict[Any, tuple[Item, ...]] = {}


def items(cls: type[Message]) -> tuple[Item, ...]:
    """The fields of a message class, in their order."""
    if cls not in _ITEMS:
        _ITEMS[cls] = _found(cls)
    return _ITEMS[cls]


def _found(cls: Any) -> tuple[Item, ...]:
    kinds = typing.get_type_hints(cls)
    found = []
    for each in dataclasses.fields(cls):
        about: Field = each.metadata["about"]
        kind = kinds[each.name]
        if typing.get_origin(kind) is not dict:
            given = [one for one in typing.get_args(kind) if one is not NoneType]
            kind = given[0] if given else kind
        # Counts by name, the only kind of map in messages.
        kind = typing.get_origin(kind) or kind
        found.append(Item(each.name, about.name or each.name, kind, about, each.default))
    return tuple(found)


def _written(value: Any, about: Field) -> Any:
    if isinstance(value, Message):
        return value.to_json()
    return value if value is None or about.digits is None else round(value, about.digits)


def _read(message: Mapping[str, Any], item: Item) -> Any:
    value, about = message.get(item.key), item.about
    if issubclass(item.kind, Message):
        if not isinstance(value, Mapping):
            raise ValueError(f"field {item.key!r}: {value!r}; expected an object")
        return item.kind.from_json(value)
    accepted = (int, float) if item.kind is float else (item.kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and item.kind is not bool):
        raise ValueError(f"field {item.key!r}: {value!r}; expected {item.kind.__name__}")
    if isinstance(value, dict):
        for name, count in value.items():
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                raise ValueError(f"field {item.key!r}: {name!r} is {count!r}; expected a count")
        return dict(value)
    if about.values and value not in about.values:
        allowed = ", ".join(about.values)
        raise ValueError(f"field {item.key!r}: {value!r}; expected one of {allowed}")
    if (about.low is not None and not value >= about.low) or (
        about.high is not None and not value <= about.high
    ):
        raise ValueError(f"field {item.key!r}: {value!r}; expected {_limits(about)}")
    return item.kind(value)


def _limits(about: Field) -> str:
    if about.high is None:
        return f"at least {about.low:g}"
    return f"{about.low:g} to {about.high:g}"


def _property(item: Item) -> dict[str, Any]:
    about = item.about
    if issubclass(item.kind, Message):
        return {**item.kind.schema(), "description": about.meaning}
    found: dict[str, Any] = {"type": _JSON_TYPES[item.kind], "description": about.meaning}
    if item.kind is dict:
        return {**found, "additionalProperties": {"type": "integer", "minimum": 0}}
    for key, value in (
        ("enum", list(about.values) or None),
        ("minimum", about.low),
        ("maximum", about.high),
        ("format", about.format or None),
    ):
        if value is not None:
            found[key] = value
    return found


def _columns(cls: type[Message]) -> Iterator[Column]:
    for item in items(cls):
        usual = "" if issubclass(item.kind, Message) else _GLUE_TYPES[item.kind]
        if issubclass(item.kind, Message):
            inner = (f"{column.name}:{column.type}" for column in item.kind.columns())
            usual = f"struct<{','.join(inner)}>"
        kind = usual if item.about.glue is None else item.about.glue
        if kind:
            yield Column(item.key, kind, item.about.meaning)


@dataclass(frozen=True)
class ModelName(Message):
    """Identifies a model: the digest of its archive and its component version."""

    digest: str = described("SHA-256 of the model's archive, hexadecimal")
    version: str = described("Version of the model component")
