# SPDX-License-Identifier: Apache-2.0
"""Stop, resume and roll back, in steps that are printed before they are carried out.

The state machine does the work with its own permissions. The operator only stops and starts
executions.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tools.rollout_history import (
    CHANGES,
    Progress,
    Rollout,
    described,
    progress,
    rollouts,
    unfinished,
)

Step = tuple[str, Callable[[], Any]]
SETTLE_SECONDS = 95
"""The rollout's function runs for at most 90 s; until then a stopped execution's call may
deploy."""
_FOLLOW_SECONDS = 300
_LOOKED_THROUGH = 100


class RolloutError(Exception):
    """The command cannot be carried out; the message gives the reason and what is possible."""


class Control:
    """The rollouts of one state machine."""

    def __init__(
        self,
        states: Any,
        machine: str,
        *,
        say: Callable[[str], None] = print,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._states, self._machine = states, machine
        self._say, self._sleep = say, sleep

    def stop(self) -> Iterator[Step]:
        """Stop the running rollout, and give the groups their earlier models again."""
        known = rollouts(self._states, self._machine)
        begun = [one for one in known if one.action != "undo"]
        running = [one for one in begun if one.running]
        for one in running:
            yield f"stop the {_name(one)}", partial(self._stop, one)
        left = running or [one for one in begun[:1] if unfinished(one, known)]
        if not left:
            raise RolloutError(
                "no rollout is running, and the last one left nothing to undo. To go back to an "
                "earlier model, pass ROLLBACK=1"
            )
        for one in left:
            found = progress(self._states, one)
            yield f"undo what it did: {_given(found)}", partial(self._undo, one)

    def resume(self) -> Iterator[Step]:
        """Start a stopped rollout again, from its canaries on."""
        known = rollouts(self._states, self._machine)
        begun = self._none_running(known)
        if not begun:
            raise RolloutError("there was no rollout in the last 90 days; approve a model")
        last = begun[0]
        if last.status not in ("ABORTED", "TIMED_OUT"):
            ended = f"{last.status}{f': {last.cause}' if last.cause else ''}"
            raise RolloutError(
                f"the {_name(last)}, the last one, was not stopped; it ended {ended}. "
                "To start it again, set the model to Rejected, then to Approved"
            )
        for one in known:
            if one.action == "undo" and one.running:
                yield "wait until the stop has settled", partial(self._follow, one.arn)
        yield f"start the {_name(last)} again", partial(self._start, last.action, last.package_arn)

    def roll_back(self, sagemaker: Any, package_group: str, model: str) -> Iterator[Step]:
        """Give both groups a model that they had before, without a bake.

        Approved models that are newer are set to Rejected first: the newest approved model is what
        the next training is compared with, and what ``make promote`` takes.
        """
        begun = self._none_running(rollouts(self._states, self._machine, most=_LOOKED_THROUGH))
        reached = [one for one in begun if one.status == "SUCCEEDED"]
        pages = sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=package_group, ModelApprovalStatus="Approved"
        )
        approved = {
            str(one["ModelPackageVersion"]): str(one["ModelPackageArn"])
            for page in pages
            for one in page["ModelPackageSummaryList"]
        }
        target = model or _earlier(reached, set(approved))
        if target not in approved:
            raise RolloutError(
                f"MODEL={target or model}: {'not an approved model' if target else 'none found'}; "
                f"approved are: {', '.join(sorted(approved, key=int)) or 'none'}"
            )
        for number in sorted((one for one in approved if int(one) > int(target)), key=int):
            yield (
                f"set model {number} to Rejected, because it is newer than model {target}",
                partial(
                    sagemaker.update_model_package,
                    ModelPackageArn=approved[number],
                    ModelApprovalStatus="Rejected",
                    ApprovalDescription=f"make rollout ROLLBACK=1 went back to model {target}",
                ),
            )
        current = f", in place of model {reached[0].model}" if reached else ""
        yield (
            f"give model {target} to canaries and fleet{current}, without a bake",
            partial(self._start, "rollback", approved[target]),
        )

    def _none_running(self, known: list[Rollout]) -> list[Rollout]:
        begun = [one for one in known if one.action != "undo"]
        for one in begun:
            if one.running:
                raise RolloutError(f"the {_name(one)} is running; STOP=1 stops it")
        return begun

    def _start(self, action: str, package_arn: str, **request: Any) -> str:
        document: dict[str, Any] = {
            "detail": {"ModelPackageArn": package_arn},
            "request": {"action": action, **request},
        }
        started = self._states.start_execution(
            stateMachineArn=self._machine,
            name=f"{action}-{uuid.uuid4()}",
            input=json.dumps(document),
        )
        return str(started["executionArn"])

    def _stop(self, one: Rollout) -> None:
        self._states.stop_execution(
            executionArn=one.arn, error="Stopped", cause="stopped by make rollout STOP=1"
        )
        now = described(self._states, one.arn)
        if now.status != "ABORTED":
            raise RolloutError(
                f"the {_name(one)} ended before it was stopped: {now.status} {now.cause}".rstrip()
            )

    def _undo(self, one: Rollout) -> None:
        found = progress(self._states, one)
        if not found.version:
            self._say("  nothing was deployed to any camera yet")
            return
        settle = SETTLE_SECONDS if found.state in CHANGES else 0
        arn = self._start(
            "undo",
            one.package_arn,
            of=one.arn,
            version=found.version,
            since=one.started.isoformat(),
            settle_seconds=settle,
        )
        self._follow(arn)

    def _follow(self, arn: str) -> None:
        """Wait for the end of an undo; print each result as soon as it is known."""
        said: dict[str, str] = {}
        for _ in range(_FOLLOW_SECONDS):
            now = described(self._states, arn)
            found = progress(self._states, now)
            for group, words in found.undone.items():
                if said.get(group) != words:
                    self._say(f"  {group}: {words}")
            if found.undone and not said and found.state == "Settle":
                self._say(f"  waiting {SETTLE_SECONDS} s for a step that was running")
            said = dict(found.undone)
            if now.status == "SUCCEEDED":
                return
            if not now.running:
                raise RolloutError(f"the undo ended {now.status}: {now.cause}. Run STOP=1 again")
            self._sleep(1)
        raise RolloutError("the undo is taking long; `make rollout` shows when it is done")


def _earlier(reached: list[Rollout], approved: set[str]) -> str:
    """The newest approved model before the one that the fleet has, of those that reached it."""
    current = int(reached[0].model) if reached else 0
    older = [
        int(one.model) for one in reached if one.model in approved and int(one.model) < current
    ]
    if not older:
        raise RolloutError(
            "no earlier model is known to have reached the fleet (Step Functions keeps rollouts "
            f"for 90 days); MODEL=number names one. Approved are: "
            f"{', '.join(sorted(approved, key=int)) or 'none'}"
        )
    return str(max(older))


def _name(one: Rollout) -> str:
    words = {"rollback": "rollback to", "rollout": "rollout of"}
    return f"{words.get(one.action, one.action)} model {one.model}"


def _given(found: Progress) -> str:
    if not found.groups:
        return "nothing was deployed to any camera"
    return ", ".join(
        f"{name} from {found.version} to {given.before or 'no model'}"
        for name, given in found.groups.items()
    )
