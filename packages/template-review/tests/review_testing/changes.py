# SPDX-License-Identifier: Apache-2.0
"""The corpus: a frozen deployment of the sorter, and changes of it as small patches."""

import copy
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from template_review.model import Assembly, Asset, Finding, Level, Stack

CORPUS = Path(__file__).with_name("corpus")
LEVELS = {level.words: level for level in Level}


class Case(NamedTuple):
    """A change, how it shall be judged, and words that the reason must have."""

    area: str
    title: str
    expected: Level
    because: str
    base: Assembly
    head: Assembly


def frozen() -> dict[str, Any]:
    """The base of all cases, as a document that patches change."""
    stacks = {
        path.stem: {
            "name": f"sorter-dev-{path.stem.lower()}",
            "account": "111111111111",
            "region": "us-east-1",
            "termination_protection": False,
            "template": json.loads(path.read_text(encoding="utf-8")),
        }
        for path in sorted((CORPUS / "base").glob("*.json"))
    }
    return {"stacks": stacks, "findings": [], "assets": {}}


def cases() -> Iterator[Case]:
    """Every case of the corpus."""
    original = frozen()
    for path in sorted((CORPUS / "cases").glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8")):
            base = patched(original, case.get("given", ()), original)
            head = patched(base, case["change"], original)
            yield Case(
                path.stem,
                case["title"],
                LEVELS[case["expect"]],
                case["because"],
                assembly(base),
                assembly(head),
            )


def assembly(document: dict[str, Any]) -> Assembly:
    """A document as what synth would have given."""
    return Assembly(
        environment="dev",
        prefix="sorter-dev",
        stacks={key: Stack(id=key, **stack) for key, stack in document["stacks"].items()},
        assets={key: Asset(**asset) for key, asset in document["assets"].items()},
        findings=[Finding(**finding) for finding in document["findings"]],
    )


def patched(
    document: dict[str, Any], operations: Sequence[dict[str, Any]], original: dict[str, Any]
) -> dict[str, Any]:
    """JSON Patch (RFC 6902: add, remove, move, copy), plus ``text`` (replace within strings) and
    ``restore`` (as in the frozen base). A path without a leading slash starts in a template."""
    result = copy.deepcopy(document)
    for operation in operations:
        name, path = operation["op"], _path(operation["path"])
        if name == "add":
            _add(result, path, copy.deepcopy(operation["value"]))
        elif name == "remove":
            _remove(result, path)
        elif name in {"move", "copy"}:
            source = _path(operation["from"])
            value = copy.deepcopy(_get(result, source))
            if name == "move":
                _remove(result, source)
            _add(result, path, value)
        elif name == "text":
            found, count = _text(_get(result, path), operation["find"], operation["with"])
            assert count, f"{operation['find']!r} is nowhere in {operation['path']}"
            _remove(result, path)
            _add(result, path, found)
        elif name == "restore":
            _add(result, path, copy.deepcopy(_get(original, path)))
        else:
            raise AssertionError(f"no such operation: {name}")
    return result


def _path(text: str) -> list[str]:
    if text.startswith("/"):
        return text[1:].split("/")
    stack, *rest = text.split("/")
    # Glue what a property name itself has a slash or dot in: none has a slash.
    return ["stacks", stack, "template", *rest]


def _get(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _add(document: Any, path: Sequence[str], value: Any) -> None:
    parent, last = _get(document, path[:-1]), path[-1]
    if not isinstance(parent, list):
        parent[last] = value
    elif last == "-":
        parent.append(value)
    elif isinstance(value, dict) or int(last) >= len(parent):
        parent.insert(int(last), value)
    else:
        parent[int(last)] = value


def _remove(document: Any, path: Sequence[str]) -> None:
    parent = _get(document, path[:-1])
    del parent[int(path[-1]) if isinstance(parent, list) else path[-1]]


def _text(value: Any, find: str, replacement: str) -> tuple[Any, int]:
    if isinstance(value, str):
        return value.replace(find, replacement), value.count(find)
    if isinstance(value, list):
        pairs = [_text(each, find, replacement) for each in value]
        return [pair[0] for pair in pairs], sum(pair[1] for pair in pairs)
    if isinstance(value, dict):
        found = {key: _text(each, find, replacement) for key, each in value.items()}
        return {key: pair[0] for key, pair in found.items()}, sum(p[1] for p in found.values())
    return value, 0
