# SPDX-License-Identifier: Apache-2.0
"""Every policy document there is: found by its form, so that none can be left out."""

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.policies.templates import Environment, environments
from tools.first_deployment import EXECUTION_POLICIES

ROOT = Path(__file__).resolve().parents[2]

IDENTITY, TRUST, RESOURCE, IOT = "identity", "trust", "resource", "IoT"


@dataclass(frozen=True, kw_only=True)
class Document:
    """A policy with its references filled in; ``where`` names it for a person."""

    where: str
    kind: str
    statements: tuple[Mapping[str, Any], ...]

    def allows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The Allow statements, each with a name."""
        for number, statement in enumerate(self.statements):
            if statement["Effect"] == "Allow":
                yield f"{self.where}: statement {statement.get('Sid', number)}", statement

    def as_json(self) -> str:
        """The document as IAM is given it."""
        return json.dumps({"Version": "2012-10-17", "Statement": list(self.statements)})


def listed(value: Any) -> list[Any]:
    """A value that a policy may write alone or in a list, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def execution_policy() -> Document:
    """What CloudFormation may do where the shipped policy limits it."""
    statements = [one for file in execution_files() for one in listed(file["Statement"])]
    return Document(where="execution policies", kind=IDENTITY, statements=tuple(statements))


def execution_files() -> list[dict[str, Any]]:
    """The shipped files that together say what CloudFormation may do."""
    return [
        json.loads((ROOT / file).read_text(encoding="utf-8"))
        for file in EXECUTION_POLICIES.values()
    ]


@functools.cache
def documents() -> tuple[Document, ...]:
    """All policies of all committed templates, and the execution policy."""
    found = [execution_policy()]
    for environment in environments():
        for stack in sorted(environment.own):
            found.extend(of_stack(environment, stack))
    return tuple(found)


def of_stack(environment: Environment, stack: str) -> Iterator[Document]:
    """The policies of one stack's resources."""
    for logical_id, resource in environment.stacks[stack]["Resources"].items():
        properties = environment.text(stack, resource.get("Properties", {}))
        for path, document in _within(properties, ""):
            yield Document(
                where=f"{environment.name}/{stack}/{logical_id}{path}",
                kind=_kind(resource["Type"], path),
                statements=tuple(listed(document["Statement"])),
            )


def _within(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        if "Statement" in value:
            yield path, value
            return
        for key, one in value.items():
            yield from _within(one, f"{path}.{key}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _within(one, f"{path}.{number}")


def _kind(type_: str, path: str) -> str:
    if type_ == "AWS::IoT::Policy":
        return IOT
    if path.endswith("AssumeRolePolicyDocument"):
        return TRUST
    return IDENTITY if type_.startswith("AWS::IAM::") else RESOURCE
