# SPDX-License-Identifier: Apache-2.0
"""A template as it is compared: loops unrolled, the parts of nested stacks beside it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from template_review.errors import ReviewError
from template_review.model import Stack

NESTED = "AWS::CloudFormation::Stack"
_LOOP = "Fn::ForEach"
_FILE = "aws:asset:path"


def read_json(path: Path) -> Any:
    """A JSON file. Raises ReviewError, which names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ReviewError(f"{path}: not a readable assembly file: {error}") from error


def with_nested(folder: Path, stack: Stack) -> Iterator[Stack]:
    """The stack with its loops unrolled, then each stack nested in it, at any depth.

    A nested one's parameters are replaced by the values that its parent gives them.
    """
    template = {**stack.template, "Resources": dict(_unrolled(stack.template))}
    inner: list[Stack] = []
    for name, resource in template["Resources"].items():
        file = str((resource.get("Metadata") or {}).get(_FILE, ""))
        if resource.get("Type") != NESTED or not (folder / file).is_file():
            continue
        properties = resource.get("Properties") or {}
        given = properties.get("Parameters") or {}
        # Its address is a digest of its content, which is compared by itself.
        told = {**properties, "TemplateURL": "the template of the nested stack"}
        template["Resources"][name] = {**resource, "Properties": told}
        inner.append(
            replace(
                stack,
                id=f"{stack.id}/{name}",
                name=f"{stack.name}-{name}",
                template=_filled(read_json(folder / file), given),
                nested=True,
            )
        )
    yield replace(stack, template=template)
    for each in inner:
        yield from with_nested(folder, each)


def _filled(value: Any, given: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_filled(each, given) for each in value]
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1 and isinstance(name := value.get("Ref"), str) and name in given:
        return given[name]
    return {key: _filled(each, given) for key, each in value.items()}


def _unrolled(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The resources, those of a loop over written values one by one.

    A loop over values that only CloudFormation knows is one resource of type ``Fn::ForEach``.
    """
    for name, resource in (template.get("Resources") or {}).items():
        if isinstance(resource, Mapping):
            yield name, resource
        elif _is_written(resource):
            variable, values, body = resource
            for each in values:
                turn = json.loads(_put(json.dumps(body), str(variable), str(each)))
                yield from _unrolled({"Resources": turn})
        else:
            yield name.replace(":", ""), {"Type": _LOOP, "Properties": {"Loop": resource}}


def _is_written(loop: Any) -> bool:
    return (
        isinstance(loop, list)
        and len(loop) == 3
        and isinstance(loop[1], list)
        and all(isinstance(each, str | int) for each in loop[1])
        and isinstance(loop[2], Mapping)
    )


def _put(text: str, variable: str, value: str) -> str:
    written = json.dumps(value)
    text = text.replace(f'{{"Ref": "{variable}"}}', written)
    for form in (f"${{{variable}}}", f"&{{{variable}}}"):
        text = text.replace(form, written[1:-1])
    return text
