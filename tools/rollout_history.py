# SPDX-License-Identifier: Apache-2.0
"""The rollouts of an environment, read from the executions of its state machine."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SHOWN = 10
"""Rollouts that are shown; Step Functions forgets executions after 90 days."""
STAGES = {
    "Start": "is prepared",
    "Package": "is prepared",
    "CreateComponent": "is prepared",
    "Hurry": "is prepared",
    "Remember": "is prepared",
    "DeployCanary": "the canaries get it",
    "CheckCanary": "the canaries get it",
    "JudgeCanary": "the canaries get it",
    "WaitCanary": "the canaries get it",
    "Bake": "the canaries are watched",
    "Look": "the canaries are watched",
    "JudgeLook": "the canaries are watched",
    "WaitLook": "the canaries are watched",
    "DeployFleet": "the fleet gets it",
    "CheckFleet": "the fleet gets it",
    "JudgeFleet": "the fleet gets it",
    "WaitFleet": "the fleet gets it",
    "RestoreCanary": "the canaries go back",
    "RestoreFleet": "the fleet goes back",
    "RollBackCanary": "both groups go back to it",
    "RollBackFleet": "both groups go back to it",
    "CheckRollBack": "both groups go back to it",
    "JudgeRollBack": "both groups go back to it",
    "WaitRollBack": "both groups go back to it",
    "Undo": "is being undone",
    "Settle": "is being undone; a step that was running may still deploy",
    "UndoAgain": "is being undone",
}
"""What a rollout does in each state of the machine."""
_DEPLOYS = {"DeployCanary": "canary", "DeployFleet": "fleet"}
_DEPLOYS |= {"RollBackCanary": "canary", "RollBackFleet": "fleet"}
_CHECKS = {"CheckCanary": "canary", "CheckFleet": "fleet", "CheckRollBack": "fleet"}
CHANGES = frozenset({*_DEPLOYS, "RestoreCanary", "RestoreFleet"})
"""States whose call creates a deployment, even if the execution is stopped meanwhile."""


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """One execution. ``action``: ``rollout``, ``rollback``, or ``undo`` of the rollout ``of``."""

    arn: str
    action: str
    of: str
    package_arn: str
    status: str
    started: datetime
    ended: datetime | None
    cause: str

    @property
    def model(self) -> str:
        """The number of its model package."""
        return self.package_arn.rsplit("/", 1)[-1]

    @property
    def running(self) -> bool:
        return self.status == "RUNNING"


@dataclass(kw_only=True)
class Group:
    """What a rollout deployed to a group. ``before``: the version to go back to, None: no model."""

    deployment_id: str
    before: str | None
    said: str = ""
    """The result of the last check."""


@dataclass(kw_only=True)
class Progress:
    """The progress of a rollout."""

    state: str = "Start"
    version: str = ""
    groups: dict[str, Group] = field(default_factory=dict)
    looks: list[str] = field(default_factory=list)
    undone: dict[str, str] = field(default_factory=dict)

    @property
    def stage(self) -> str:
        return STAGES.get(self.state, self.state)


def rollouts(states: Any, machine: str, *, most: int = SHOWN) -> list[Rollout]:
    """The newest executions of the state machine, newest first."""
    found = states.list_executions(stateMachineArn=machine, maxResults=most)["executions"]
    return [_rollout(states.describe_execution(executionArn=one["executionArn"])) for one in found]


def described(states: Any, arn: str) -> Rollout:
    """One execution by its ARN."""
    return _rollout(states.describe_execution(executionArn=arn))


def progress(states: Any, rollout: Rollout) -> Progress:
    """The progress of a rollout, from the history of its execution."""
    found = Progress()
    for event in _events(states, rollout.arn):
        if "stateEnteredEventDetails" in event:
            name = event["stateEnteredEventDetails"]["name"]
            # The status already has the end of an execution; only earlier events matter here.
            found.state = name if name in STAGES else found.state
        elif "stateExitedEventDetails" in event:
            details = event["stateExitedEventDetails"]
            _note(found, details["name"], json.loads(details.get("output") or "{}"))
    return found


def taken_back(rollout: Rollout, known: Sequence[Rollout]) -> bool:
    """Whether a stop has restored the groups to their state before this rollout."""
    return any(one.of == rollout.arn and one.status == "SUCCEEDED" for one in known)


def unfinished(rollout: Rollout, known: Sequence[Rollout]) -> bool:
    """Whether an execution may have left deployments that were not undone yet.

    A failed execution restored the groups, unless the restoration failed.
    """
    ended = rollout.status in ("ABORTED", "TIMED_OUT", "FAILED")
    return rollout.action != "undo" and ended and not taken_back(rollout, known)


def _note(found: Progress, state: str, output: Mapping[str, Any]) -> None:
    if state == "Package":
        found.version = output["package"]["value"]["version"]
    elif state in _DEPLOYS:
        group = _DEPLOYS[state]
        given = output[group]["value"]
        found.groups[group] = Group(
            deployment_id=given["deployment_id"], before=given["previous_version"]
        )
    elif state in _CHECKS and "value" in output["check"]:
        found.groups[_CHECKS[state]].said = output["check"]["value"]["reason"]
    elif state == "Look" and "value" in output["check"]:
        found.looks.append(output["check"]["value"]["reason"])
    elif state in ("Undo", "UndoAgain"):
        kept = output["undone" if state == "Undo" else "undone_again"]["value"]
        # The second pass undoes what the first one missed, usually nothing.
        found.undone = {**kept, **found.undone} if state == "UndoAgain" else dict(kept)


def _events(states: Any, arn: str) -> Iterator[Mapping[str, Any]]:
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    for page in pages:
        yield from page["events"]


def _rollout(found: Mapping[str, Any]) -> Rollout:
    given = json.loads(found.get("input") or "{}")
    request = given.get("request", {})
    return Rollout(
        arn=found["executionArn"],
        action=request.get("action", "rollout"),
        of=request.get("of", ""),
        package_arn=given.get("detail", {}).get("ModelPackageArn", ""),
        status=found["status"],
        started=found["startDate"],
        ended=found.get("stopDate"),
        cause=_cause(str(found.get("cause") or found.get("error") or "")),
    )


def _cause(text: str) -> str:
    """Why an execution ended, from its cause document."""
    try:
        known = json.loads(text)
    except ValueError:
        return text
    if not isinstance(known, dict):
        return text
    reason = known.get("value", {}).get("reason") or known.get("Cause") or known.get("errorMessage")
    return _cause(reason) if reason else text
