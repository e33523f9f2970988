# SPDX-License-Identifier: Apache-2.0
"""Reads a SageMaker pipeline definition (Version 2020-12-01) as the service does.

Knows parameters, Get / Std:Join / Std:JsonGet, the order of steps, and the steps Processing,
Training, Condition, Fail and RegisterModel.
Nothing is run here: `pipeline_executor` does that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack_edge.protocol import AwsError
from ministack_edge.sagemaker.step_check import STEP_KEYS, check_step

VERSION = "2020-12-01"
_PARAMETER_TYPES: dict[str, Callable[[str], Any]] = {
    "String": str,
    "Integer": int,
    "Float": float,
    "Boolean": lambda text: {"true": True, "false": False}[text.lower()],
}
_PATH_PART = re.compile(r"\.?([^.\[\]]+)|\[['\"]?([^'\"\]]+)['\"]?\]")


def invalid(message: str) -> AwsError:
    """The error CreatePipeline and StartPipelineExecution answer for a bad definition."""
    return AwsError("ValidationException", message)


@dataclass(frozen=True)
class Definition:
    """A parsed definition: its declared parameters and its steps by name."""

    parameters: Mapping[str, Mapping[str, Any]]
    top_level: tuple[str, ...]
    steps: Mapping[str, Mapping[str, Any]]

    @classmethod
    def parse(cls, text: str) -> Definition:
        """Check the definition as a whole, so that a mistake shows at deploy and not mid-run."""
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            raise invalid(f"Unable to parse pipeline definition: {error}") from error
        if document.get("Version") != VERSION:
            raise invalid(
                f"Unknown pipeline version {document.get('Version')!r}, expected {VERSION}"
            )
        steps: dict[str, Mapping[str, Any]] = {}
        for step in _all_steps(document.get("Steps") or []):
            name, kind = step.get("Name"), step.get("Type")
            if not name or name in steps:
                raise invalid(f"Step names must be given and unique: {name!r}")
            if kind not in STEP_KEYS:
                raise invalid(
                    f"Step {name}: the local AWS runs {', '.join(STEP_KEYS)}, not {kind!r}"
                )
            check_step(step)
            steps[name] = step
        definition = cls(
            parameters={item["Name"]: item for item in document.get("Parameters") or []},
            top_level=tuple(step["Name"] for step in document.get("Steps") or []),
            steps=steps,
        )
        definition._check_references()
        return definition

    def dependencies(self, name: str) -> set[str]:
        """Steps that must have succeeded before this one: by DependsOn or by a reference."""
        step = {key: value for key, value in self.steps[name].items() if key != "Type"}
        arguments = dict(step.get("Arguments") or {})
        if self.steps[name]["Type"] == "Condition":
            # The branches wait for the condition, not the condition for what the branches read.
            arguments.pop("IfSteps", None)
            arguments.pop("ElseSteps", None)
        found = set(step.get("DependsOn") or [])
        found |= {
            reference.split(".")[1] for reference in _references({**step, "Arguments": arguments})
        }
        return found

    def _check_references(self) -> None:
        for name, step in self.steps.items():
            unknown = self.dependencies(name) - set(self.steps)
            if unknown:
                raise invalid(f"Step {name} refers to unknown steps: {', '.join(sorted(unknown))}")
            for parameter in _references(step, prefix="Parameters."):
                if parameter.split(".", 1)[1] not in self.parameters:
                    raise invalid(f"Step {name} refers to the undeclared {parameter}")
        for name in self.steps:
            self._refuse_cycle(name, ())

    def _refuse_cycle(self, name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise invalid(f"Steps wait for each other: {' -> '.join((*path, name))}")
        for dependency in self.dependencies(name):
            self._refuse_cycle(dependency, (*path, name))

    def values(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Every parameter's typed value; `given` are the ones the execution was started with."""
        unknown = set(given) - set(self.parameters)
        if unknown:
            raise invalid(
                f"Pipeline parameters {', '.join(sorted(unknown))} are not in the definition; "
                f"it declares {', '.join(sorted(self.parameters)) or 'none'}"
            )
        return {name: _typed(item, given.get(name)) for name, item in self.parameters.items()}


def _typed(parameter: Mapping[str, Any], given: str | None) -> Any:
    name, kind = parameter["Name"], parameter["Type"]
    if given is None:
        if "DefaultValue" not in parameter:
            raise invalid(f"Parameter {name} is required")
        return parameter["DefaultValue"]
    try:
        value = _PARAMETER_TYPES[kind](given)
    except (KeyError, ValueError) as error:
        raise invalid(f"Parameter {name} = {given!r} is not of type {kind}") from error
    allowed = parameter.get("EnumValues")
    if allowed and value not in allowed:
        raise invalid(f"Parameter {name} = {given!r} is not one of {', '.join(map(str, allowed))}")
    return value


def _all_steps(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        arguments = step.get("Arguments") or {}
        if step.get("Type") == "Condition":
            yield from _all_steps(arguments.get("IfSteps") or [])
            yield from _all_steps(arguments.get("ElseSteps") or [])


def _references(node: Any, *, prefix: str = "Steps.") -> Iterator[str]:
    if isinstance(node, dict):
        target = node.get("Get")
        if len(node) == 1 and isinstance(target, str):
            if target.startswith(prefix):
                yield target
            return
        for value in node.values():
            yield from _references(value, prefix=prefix)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value, prefix=prefix)


@dataclass
class Scope:
    """What expressions of one execution can see; filled while its steps finish."""

    parameters: Mapping[str, Any]
    execution: Mapping[str, Any]
    property_file: Callable[[str, str], Any]
    results: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def resolve(self, node: Any) -> Any:
        """The node with every expression replaced by its value."""
        if isinstance(node, list):
            return [self.resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (operator, operand), *_ = node.items()
            if operator == "Get":
                return self._get(operand)
            if operator == "Std:Join":
                parts = [self._text(value) for value in operand["Values"]]
                return str(operand.get("On", "")).join(parts)
            if operator == "Std:JsonGet":
                return self._json_get(operand)
        return {key: self.resolve(value) for key, value in node.items()}

    def _text(self, node: Any) -> str:
        value = self.resolve(node)
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _get(self, reference: str) -> Any:
        root, _, rest = reference.partition(".")
        if root == "Parameters":
            return self.parameters[rest]
        if root == "Execution":
            return walk(self.execution, rest, what=reference)
        name, _, path = rest.partition(".")
        if root != "Steps" or name not in self.results:
            raise invalid(f"{reference} is not available: its step has not run")
        return walk(self.results[name], path, what=reference)

    def _json_get(self, operand: Mapping[str, Any]) -> Any:
        reference = operand["PropertyFile"]["Get"]
        _steps, step, _files, file = reference.split(".", 3)
        return walk(
            self.property_file(step, file), operand["Path"], what=f"{reference} {operand['Path']}"
        )


def walk(document: Any, path: str, *, what: str) -> Any:
    """The value at a dotted path with ['key'] and [0] parts."""
    for part in _PATH_PART.finditer(path):
        key = part.group(1) or part.group(2)
        try:
            document = document[int(key)] if isinstance(document, list) else document[key]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise invalid(f"{what}: {key!r} is not there") from error
    return document


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda left, right: bool(left == right),
    "GreaterThan": lambda left, right: bool(left > right),
    "GreaterThanOrEqualTo": lambda left, right: bool(left >= right),
    "LessThan": lambda left, right: bool(left < right),
    "LessThanOrEqualTo": lambda left, right: bool(left <= right),
}


def holds(condition: Mapping[str, Any], scope: Scope) -> bool:
    """Whether one condition of a Condition step is met."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Expression"], scope)
    if kind == "Or":
        return any(holds(item, scope) for item in condition["Conditions"])
    if kind == "In":
        return scope.resolve(condition["QueryValue"]) in scope.resolve(condition["Values"])
    if kind not in _COMPARISONS:
        raise invalid(f"Unknown condition type {kind!r}")
    left, right = scope.resolve(condition["LeftValue"]), scope.resolve(condition["RightValue"])
    return _COMPARISONS[kind](left, right)
