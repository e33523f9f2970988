# SPDX-License-Identifier: Apache-2.0
"""Runs a state machine's definition in simulated time: as much of the language as ours uses."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Task = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Carries out a task with its payload, as the Lambda function behind it would."""
MOST_STATES = 20_000
"""More events than that Step Functions does not keep of one execution (25,000)."""


class TaskError(Exception):
    """A task that failed, as Step Functions sees it."""


@dataclass
class Execution:
    """One execution. ``task`` does the work, ``wait`` lets seconds pass."""

    definition: Mapping[str, Any]
    task: Task
    wait: Callable[[float], None]
    entered: list[str] = field(default_factory=list)

    def run(self, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """``SUCCEEDED`` or ``FAILED``, and the data at the end."""
        name = str(self.definition["StartAt"])
        while True:
            if len(self.entered) >= MOST_STATES:
                raise RuntimeError(f"the rollout entered {MOST_STATES} states; the last is {name}")
            self.entered.append(name)
            state = self.definition["States"][name]
            if state["Type"] in ("Succeed", "Fail"):
                return ("SUCCEEDED" if state["Type"] == "Succeed" else "FAILED"), data
            name = self._step(state, data)

    def _step(self, state: Mapping[str, Any], data: dict[str, Any]) -> str:
        if state["Type"] == "Choice":
            for choice in state["Choices"]:
                if _holds(choice, data):
                    return str(choice["Next"])
            return str(state["Default"])
        if state["Type"] == "Wait":
            seconds = state["Seconds"] if "Seconds" in state else _at(state["SecondsPath"], data)
            self.wait(float(seconds))
        elif state["Type"] == "Pass":
            _put(state["ResultPath"], json.loads(json.dumps(state["Result"])), data)
        else:
            payload = _filled(state["Parameters"]["Payload"], data)
            try:
                answer = dict(self.task(payload))
            except TaskError as error:
                if not state.get("Catch"):
                    raise
                caught = state["Catch"][0]
                _put(caught["ResultPath"], {"Error": "TaskError", "Cause": str(error)}, data)
                return str(caught["Next"])
            _put(state["ResultPath"], {"value": answer}, data)
        return str(state["Next"])


def _holds(choice: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    if "And" in choice:
        return all(_holds(one, data) for one in choice["And"])
    if "IsPresent" in choice:
        try:
            _at(choice["Variable"], data)
        except KeyError:
            return not choice["IsPresent"]
        return bool(choice["IsPresent"])
    return bool(_at(choice["Variable"], data) == choice["StringEquals"])


def _at(path: str, data: Mapping[str, Any]) -> Any:
    found: Any = data
    for key in path.removeprefix("$.").split("."):
        found = found[key]
    return found


def _put(path: str, value: Any, data: dict[str, Any]) -> None:
    data[path.removeprefix("$.")] = value


def _filled(parameters: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key.removesuffix(".$"): _at(value, data) if key.endswith(".$") else value
        for key, value in parameters.items()
    }
