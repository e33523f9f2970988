# SPDX-License-Identifier: Apache-2.0
"""Checks requests against SageMaker's own service model, which botocore carries.

SageMaker refuses members that it does not know, texts that are too long and values of the wrong
type; a definition that only works because a stand-in is lenient would fail on AWS.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.loaders
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from ministack_edge.protocol import AwsError

_EXPRESSIONS = ({"Get"}, {"Std:Join"}, {"Std:JsonGet"})
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
}


@functools.cache
def _model() -> ServiceModel:
    document = botocore.loaders.Loader().load_service_model("sagemaker", "service-2")
    return ServiceModel(document, "sagemaker")


def check(
    shape: str, document: Mapping[str, Any], *, what: str, without: tuple[str, ...] = ()
) -> None:
    """Raise what SageMaker answers where the document is not a ``shape``.

    Expressions of a pipeline are taken for any value; ``without`` are required members that
    SageMaker fills in itself.
    """
    faults = list(_faults(_model().shape_for(shape), document, path=what, without=without))
    if faults:
        raise AwsError("ValidationException", "; ".join(faults))


def is_expression(value: Any) -> bool:
    """Whether a value is known only when the pipeline runs."""
    return isinstance(value, Mapping) and set(value) in _EXPRESSIONS


def _faults(shape: Shape, value: Any, *, path: str, without: tuple[str, ...] = ()) -> Iterator[str]:
    if is_expression(value):
        return
    if isinstance(shape, StructureShape):
        yield from _structure(shape, value, path, without)
    elif isinstance(shape, ListShape):
        yield from _list(shape, value, path)
    elif isinstance(shape, MapShape):
        yield from _map(shape, value, path)
    else:
        yield from _scalar(shape, value, path)


def _structure(
    shape: StructureShape, value: Any, path: str, without: tuple[str, ...]
) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path}: expected an object"
        return
    for name in shape.required_members:
        if name not in value and name not in without:
            yield f"{path}: {name} is required"
    for name, member in value.items():
        if name not in shape.members:
            yield f"{path}: unknown member {name}; known: {', '.join(shape.members)}"
        else:
            yield from _faults(shape.members[name], member, path=f"{path}.{name}")


def _list(shape: ListShape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: expected a list"
        return
    yield from _size(shape, len(value), path)
    for index, item in enumerate(value):
        yield from _faults(shape.member, item, path=f"{path}[{index}]")


def _map(shape: MapShape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path}: expected an object"
        return
    yield from _size(shape, len(value), path)
    for key, item in value.items():
        yield from _faults(shape.key, key, path=f"{path} key {key}")
        yield from _faults(shape.value, item, path=f"{path}.{key}")


def _scalar(shape: Shape, value: Any, path: str) -> Iterator[str]:
    kinds = _TYPES.get(shape.type_name)
    if kinds is None:
        return
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        yield f"{path} = {value!r}: expected {shape.type_name}"
    elif isinstance(value, str):
        yield from _size(shape, len(value), path)
        allowed = getattr(shape, "enum", [])
        # Instance types come and go faster than botocore is pinned.
        if allowed and value not in allowed and not value.startswith("ml."):
            yield f"{path} = {value!r}: expected one of {', '.join(allowed)}"
    else:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if (low is not None and value < low) or (high is not None and value > high):
            yield f"{path} = {value}: expected {low} to {high}"


def _size(shape: Shape, size: int, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
    if size < low or (high is not None and size > high):
        yield f"{path}: length {size}, allowed {low} to {high}"
