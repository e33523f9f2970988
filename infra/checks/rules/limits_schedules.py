# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-LIM3: EventBridge accepts the schedules, and loops fit a state machine's history."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.longest import longest
from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Template
from infra.config.limits import STATE_MACHINE_HISTORY
from infra.config.schedules import fault

EVENTS = {"Task": 5, "Wait": 2, "Choice": 2, "Pass": 2}
"""What one visit of a state adds to the history, where nothing is retried."""


def check(template: Template) -> Iterator[Finding]:
    """Schedules that EventBridge refuses, and executions that outgrow their history."""
    for rule in template.of_type("AWS::Events::Rule"):
        schedule = rule.properties.get("ScheduleExpression")
        if isinstance(schedule, str) and (allowed := fault(schedule)):
            detail = f"{schedule!r}: EventBridge takes {allowed} (EventBridge user guide)"
            yield at(rule, "Properties.ScheduleExpression", detail)
    for machine in template.of_type("AWS::StepFunctions::StateMachine"):
        if machine.properties.get("StateMachineType") == "EXPRESS":
            continue  # an express execution keeps no history
        key = next((one for one in _DEFINITIONS if one in machine.properties), None)
        if key is None:
            continue
        value = machine.properties[key]
        document = value if key == "Definition" else json.loads(longest(template, value))
        for name, events in _loops(document):
            if events > STATE_MACHINE_HISTORY.most:
                detail = f"{events:,} by waiting in {name}: {STATE_MACHINE_HISTORY}"
                yield at(machine, f"Properties.{key}", detail)


_DEFINITIONS = ("DefinitionString", "Definition")


def _loops(definition: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """For each Wait in a loop: how many events the loop can add to the history.

    A machine without a time-out may run for a year, the longest that AWS allows. Waits whose
    seconds come from the input (``SecondsPath``) are skipped, because their duration is not in the
    template.
    """
    states = definition["States"]
    seconds = definition.get("TimeoutSeconds", 365 * 86400)
    for name, state in states.items():
        if state["Type"] != "Wait" or not isinstance(state.get("Seconds"), int):
            continue
        path = _way_back(states, name)
        if path:
            events = sum(EVENTS.get(states[one]["Type"], 2) for one in path)
            yield name, seconds * events // max(1, state["Seconds"])


def _way_back(states: Mapping[str, Any], start: str) -> list[str]:
    """The states of the loop from a state back to itself; empty if there is no loop."""
    ways = [[start]]
    seen = set()
    for way in ways:
        for following in _next(states[way[-1]]):
            if following == start:
                return way
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


def _next(state: Mapping[str, Any]) -> Iterator[str]:
    for key in ("Next", "Default"):
        if key in state:
            yield state[key]
    for key in ("Choices", "Catch"):
        yield from (one["Next"] for one in state.get(key, ()) if "Next" in one)


RULE = Rule(
    id="BINSIGHT-LIM3",
    title="EventBridge accepts the schedules, and loops fit into a state machine's history",
    why="A schedule that is wrong in one field fails the deployment. A loop that waits too briefly "
    "fills the history, and the execution fails for good, without its own error handling.",
    fix="Write the schedule as in the EventBridge user guide; wait longer or give up sooner.",
    check=check,
)
