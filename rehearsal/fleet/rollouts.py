# SPDX-License-Identifier: Apache-2.0
"""Models of each kind, approved and rolled out to the fleet by the deployed state machine."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.aws_client import Cloud
from rehearsal.errors import RehearsalError
from rehearsal.fleet.generator import TELEMETRY_MINUTES, Pace
from rehearsal.fleet.sites import SiteProcess

START_SECONDS = 90
ROLLOUT_SECONDS = 900
MINUTES_PER_PLAY = float(TELEMETRY_MINUTES)
"""Simulated minutes between two looks at an execution: each camera sends telemetry once."""
CATCH_UP_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class RolledOut:
    """The result of one rollout.

    ``given``: cameras of the fleet that adopted the model, even if they no longer have it;
    ``canaries`` the same of the canaries.
    """

    kind: str
    status: str
    given: int
    canaries: int
    seconds: float
    events: int
    calls: Mapping[str, int]
    reason: str
    version: str


@dataclass(kw_only=True)
class Rollouts:
    """Rolls models out in an account. ``root`` stands in for training, which makes no model here.

    ``permissions`` is the file of the local AWS's decisions. ``minute`` is the simulated time.
    """

    root: Cloud
    outputs: Mapping[str, str]
    permissions: Path
    sites: Sequence[SiteProcess]
    canaries: frozenset[int]
    news: Callable[[str], None]
    pace: Pace
    archive: Callable[[str, int], bytes]
    """The archive of a model of a kind; the number counts the models of that kind."""
    probe: str
    """A thing whose telemetry is waited for: the table must not fall behind the clock."""
    minute: float = 0.0
    _numbers: Counter[str] = field(default_factory=Counter)

    def roll_out(self, kind: str) -> RolledOut:
        """Approve a model of this kind and let time pass until its rollout has ended."""
        for site in self._running:
            site.ask("model", kind=kind)
        states = self.root.client("stepfunctions")
        machine = self.outputs["RolloutStateMachineArn"]
        before = {one["executionArn"] for one in self._executions(states, machine)}
        decided = self.permissions.stat().st_size
        started = time.monotonic()
        self._approve(kind)
        arn = self._begun(states, machine, before)
        while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
            if time.monotonic() - started > ROLLOUT_SECONDS:
                raise RehearsalError(f"the rollout of a model ({kind}) did not end: {arn}")
            self.play()
        given = [number for site in self._running for number in site.ask("given")["numbers"]]
        return RolledOut(
            kind=kind,
            status=str(found["status"]),
            given=len(set(given) - self.canaries),
            canaries=len(set(given) & self.canaries),
            seconds=time.monotonic() - started,
            events=sum(
                len(page["events"])
                for page in states.get_paginator("get_execution_history").paginate(executionArn=arn)
            ),
            calls=self._calls(decided),
            reason=str(found.get("cause", "")),
            version=self._version(states, arn),
        )

    def play(self) -> None:
        """Let some simulated minutes pass at every site, and the table take what was sent."""
        started_ms = time.time_ns() // 1_000_000
        last = self.minute + MINUTES_PER_PLAY
        for site in self._running:
            site.order("play", first=self.minute, last=last, pace=asdict(self.pace))
        for site in self._running:
            site.answer(300)
        self.minute = last
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while self._heard_ms() < started_ms and time.monotonic() < deadline:
            time.sleep(0.2)

    def _heard_ms(self) -> int:
        key = {"thing": {"S": self.probe}, "kind": {"S": "telemetry"}}
        found = self.root.client("dynamodb").get_item(
            TableName=self.outputs["LatestTable"], Key=key, ConsistentRead=True
        )
        return int(found["Item"]["received_ms"]["N"]) if "Item" in found else 0

    @property
    def _running(self) -> list[SiteProcess]:
        return [site for site in self.sites if site.running]

    def _approve(self, kind: str) -> None:
        self._numbers[kind] += 1
        body = self.archive(kind, self._numbers[kind])
        bucket = self.outputs["ArtifactsBucket"]
        digest = hashlib.sha256(body).hexdigest()
        key = f"models/fleet-rehearsal/{digest}/model.tar.gz"
        self.root.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        container = {"Image": "none", "ModelDataUrl": f"s3://{bucket}/{key}"}
        self.root.client("sagemaker").create_model_package(
            ModelPackageGroupName=self.outputs["ModelPackageGroup"],
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties={"archive_digest": digest},
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["image/jpeg"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )

    def _begun(self, states: Any, machine: str, before: set[str]) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for execution in self._executions(states, machine):
                if execution["executionArn"] not in before:
                    return str(execution["executionArn"])
            time.sleep(0.2)
        raise RehearsalError(f"no rollout began within {START_SECONDS} s of the approval")

    @staticmethod
    def _version(states: Any, arn: str) -> str:
        """The version that cameras were given; empty where it did not come so far."""
        pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
        for event in (event for page in pages for event in page["events"]):
            left = event.get("stateExitedEventDetails", {})
            if left.get("name") == "Package":
                return str(json.loads(left["output"])["package"]["value"]["version"])
        return ""

    @staticmethod
    def _executions(states: Any, machine: str) -> list[dict[str, Any]]:
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine)
        return [one for page in pages for one in page["executions"]]

    def _calls(self, offset: int) -> Counter[str]:
        """The calls that the rollout's function made since then, by action."""
        calls: Counter[str] = Counter()
        with self.permissions.open("rb") as file:
            file.seek(offset)
            for line in file:
                decision = json.loads(line)
                if "Rollout" in decision["principal"].rpartition("/")[2]:
                    calls[decision["action"]] += 1
        return calls
