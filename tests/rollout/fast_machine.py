# SPDX-License-Identifier: Apache-2.0
"""Runs the rollout's state machine in simulated time, and counts events as Step Functions does.

As strict as AWS: a path that leads nowhere is an error.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

EVENTS = {"Task": 5, "Choice": 2, "Wait": 2, "Pass": 2, "Succeed": 2, "Fail": 1}
"""Of one state: entered and left, and for a task scheduled, started and succeeded."""
_OF_AN_EXECUTION = 2


@dataclass
class Run:
    """What an execution did."""

    status: str = "RUNNING"
    document: dict[str, Any] = field(default_factory=dict)
    entered: list[str] = field(default_factory=list)
    events: int = _OF_AN_EXECUTION


def execute(
    definition: dict[str, Any],
    given: dict[str, Any],
    *,
    call: Callable[[dict[str, Any]], dict[str, Any]],
    wait: Callable[[float], None],
) -> Run:
    """Run from the start to the end. ``call`` is the function; ``wait`` lets time pass."""
    run = Run(document=copy.deepcopy(given))
    name = definition["StartAt"]
    while name:
        state = definition["States"][name]
        run.entered.append(name)
        run.events += EVENTS[state["Type"]]
        name = _STEPS[state["Type"]](run, state, call, wait)
    return run


def _task(run: Run, state: dict[str, Any], call: Any, _wait: Any) -> str:
    payload = {}
    for key, value in state["Parameters"]["Payload"].items():
        plain = key.removesuffix(".$")
        payload[plain] = value if plain == key else _at(run.document, value)
    try:
        answer = {"value": call(payload)}
    except Exception as error:
        if "Catch" not in state:
            raise
        [catch] = state["Catch"]
        caught = {"Error": type(error).__name__, "Cause": str(error)}
        _put(run.document, catch["ResultPath"], caught)
        return str(catch["Next"])
    _put(run.document, state["ResultPath"], answer)
    return str(state["Next"])


def _choice(run: Run, state: dict[str, Any], _call: Any, _wait: Any) -> str:
    for choice in state["Choices"]:
        if all(_holds(run.document, one) for one in choice.get("And", [choice])):
            return str(choice["Next"])
    return str(state["Default"])


def _holds(document: dict[str, Any], rule: dict[str, Any]) -> bool:
    if "IsPresent" in rule:
        try:
            _at(document, rule["Variable"])
        except KeyError:
            return not rule["IsPresent"]
        return bool(rule["IsPresent"])
    return bool(_at(document, rule["Variable"]) == rule["StringEquals"])


def _wait(run: Run, state: dict[str, Any], _call: Any, wait: Any) -> str:
    wait(state["Seconds"] if "Seconds" in state else _at(run.document, state["SecondsPath"]))
    return str(state["Next"])


def _pass(run: Run, state: dict[str, Any], _call: Any, _wait: Any) -> str:
    _put(run.document, state["ResultPath"], copy.deepcopy(state["Result"]))
    return str(state["Next"])


def _end(status: str) -> Any:
    def end(run: Run, _state: Any, _call: Any, _wait: Any) -> str:
        run.status = status
        return ""

    return end


_STEPS = {
    "Task": _task,
    "Choice": _choice,
    "Wait": _wait,
    "Pass": _pass,
    "Succeed": _end("SUCCEEDED"),
    "Fail": _end("FAILED"),
}


def _at(document: Any, path: str) -> Any:
    for part in path.removeprefix("$.").split("."):
        # A KeyError, as States.ParameterPathFailure is on AWS.
        document = document[part]
    return document


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    [name] = path.removeprefix("$.").split(".")
    document[name] = value
