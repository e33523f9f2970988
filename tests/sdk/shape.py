# SPDX-License-Identifier: Apache-2.0
"""A pipeline definition as a flat list of what it says, so that two of them can be compared."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAMES = ("Name", "InputName", "OutputName", "ChannelName", "PropertyFileName", "Key")


def flat(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Every value by its path; list members go by their names, expressions by their text."""
    return dict(_walk(definition, ""))


def _walk(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        if (text := _expression(node)) is not None:
            yield path, text
            return
        if not node:
            yield path, node
        for key, value in node.items():
            yield from _walk(value, f"{path}/{key}")
    elif isinstance(node, list):
        names = [_name(item, position) for position, item in enumerate(node)]
        for name, item in zip(names, node, strict=True):
            yield from _walk(item, f"{path}[{name}]")
        # The order matters too: of steps and parameters to readers, of options to containers.
        yield f"{path}#", names
    else:
        yield path, node


def _name(item: Any, position: int) -> Any:
    if isinstance(item, dict):
        return next((item[key] for key in _NAMES if key in item), position)
    return position


def _expression(node: Mapping[str, Any]) -> str | None:
    """The same text for `a` + `/b` and for `a/` + `b`, which mean the same."""
    if set(node) == {"Get"}:
        return "${" + str(node["Get"]) + "}"
    if set(node) == {"Std:JsonGet"}:
        inner = node["Std:JsonGet"]
        return "${" + f"{inner['PropertyFile']['Get']}:{inner['Path']}" + "}"
    if set(node) == {"Std:Join"}:
        parts = node["Std:Join"]["Values"]
        texts = [_expression(part) if isinstance(part, dict) else str(part) for part in parts]
        return str(node["Std:Join"]["On"]).join(str(text) for text in texts)
    return None


def differences(ours: Mapping[str, Any], sdk: Mapping[str, Any]) -> dict[str, str]:
    """What one says and the other does not, or says otherwise, by path."""
    left, right = flat(ours), flat(sdk)
    found = {path: f"only the SDK: {right[path]!r}" for path in right.keys() - left.keys()}
    found |= {path: f"only ours: {left[path]!r}" for path in left.keys() - right.keys()}
    found |= {
        path: f"ours: {left[path]!r}, the SDK: {right[path]!r}"
        for path in left.keys() & right.keys()
        if left[path] != right[path]
    }
    return found


def unexplained(found: Mapping[str, str], intended: Mapping[str, str]) -> dict[str, str]:
    """Differences that no pattern of the intended ones covers."""
    return {
        path: text
        for path, text in sorted(found.items())
        if not any(re.search(pattern, path) for pattern in intended)
    }
