# SPDX-License-Identifier: Apache-2.0
"""AWS as a rollout sees it, with thousands of cameras, in simulated time.

The clients are boto3's: parameters are checked and answers are read as on AWS. Only the wire is
replaced, and every call is counted.
"""

import io
from collections import Counter
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.response import StreamingBody

from rollout.settings import from_environment
from rollout_handler import dispatch
from tests.rollout.conftest import ACCOUNT, COMPONENT, ENVIRONMENT, GROUPS, NOW, REGION

PROGRAM = ENVIRONMENT["INFERENCE_COMPONENT"]
PACKAGE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/models/1"
_SERVICES = ("cloudformation", "iot", "s3", "sagemaker", "greengrassv2")


class SimulatedFleet:
    """``canaries`` and ``fleet`` cameras. ``asleep`` says of a number whether that camera of each
    group sleeps; ``interrupted`` whether it begins, and loses its power before it is done."""

    def __init__(self, *, canaries, fleet, asleep=None, interrupted=None, **environment):
        self.now = NOW
        self.calls = Counter()
        self.settings = from_environment({**ENVIRONMENT, **environment})
        self._asleep = asleep or (lambda _number: False)
        self._interrupted = interrupted or (lambda _number: False)
        self._sizes = {"canary": canaries, "fleet": fleet}
        self._deployments: dict[str, dict[str, Any]] = {}
        self._counted: dict[tuple[int, int], Counter[str]] = {}
        self._clients = {name: self._client(boto3.client(name, **_PLACE)) for name in _SERVICES}
        dynamodb = boto3.resource("dynamodb", **_PLACE)
        self._client(dynamodb.meta.client)
        self._clients |= {"greengrass": self._clients["greengrassv2"], "dynamodb": dynamodb}

    def call(self, payload):
        """The rollout's function."""
        return dispatch(payload, settings=self.settings, clients=self._clients, now=self.now)

    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    def version(self, group):
        """What the group's newest deployment gives."""
        found = [one for one in self._deployments.values() if one["group"] == group]
        return found[-1]["version"] if found else None

    def _client(self, client):
        def answer(model, params, **_):
            self.calls[model.name] += 1
            body = self._arguments.pop()
            found = getattr(self, f"_{model.name}")(SimpleNamespace(**body))
            return SimpleNamespace(status_code=200), found

        self._arguments: list[dict[str, Any]] = []
        client.meta.events.register_first("before-call", answer)
        # What the caller gave, before it is made into a request.
        client.meta.events.register_first(
            "before-parameter-build", lambda params, **_: self._arguments.append(dict(params))
        )
        return client

    def _DescribeModelPackage(self, _given):  # noqa: N802 - named as AWS does, as all below
        url = f"s3://{ENVIRONMENT['ARTIFACTS_BUCKET']}/models/1/model.tar.gz"
        containers = {"Containers": [{"ModelDataUrl": url}]}
        return {"ModelApprovalStatus": "Approved", "InferenceSpecification": containers}

    def _GetObject(self, _given):  # noqa: N802
        return {"Body": StreamingBody(io.BytesIO(b"model"), 5)}

    def _CopyObject(self, _given):  # noqa: N802
        return {}

    def _PutObject(self, _given):  # noqa: N802
        return {}

    def _DescribeComponent(self, _given):  # noqa: N802
        return {"status": {"componentState": "DEPLOYABLE"}}

    def _ListDeployments(self, given):  # noqa: N802
        group = _group(given.targetArn)
        found = [name for name, one in self._deployments.items() if one["group"] == group]
        return {"deployments": [{"deploymentId": name} for name in found[-1:]]}

    def _GetDeployment(self, given):  # noqa: N802
        one = self._deployments[given.deploymentId]
        return {
            "deploymentId": given.deploymentId,
            "deploymentName": one["name"],
            "deploymentStatus": one["status"],
            "iotJobId": given.deploymentId,
            "creationTimestamp": one["created"],
            "components": {COMPONENT: {"componentVersion": one["version"]}},
        }

    def _CreateDeployment(self, given):  # noqa: N802
        name = f"deployment-{len(self._deployments)}"
        self._deployments[name] = {
            "group": _group(given.targetArn),
            "name": given.deploymentName,
            "version": given.components[COMPONENT]["componentVersion"],
            "created": self.now,
            "status": "ACTIVE",
        }
        return {"deploymentId": name}

    def _CancelDeployment(self, given):  # noqa: N802
        self._deployments[given.deploymentId]["status"] = "CANCELED"
        return {"message": "ok"}

    def _DescribeJob(self, given):  # noqa: N802
        one = self._deployments[given.jobId]
        size, minutes = self._sizes[one["group"]], (self.now - one["created"]).total_seconds() / 60
        begun = min(size, int(minutes * self.settings.cameras_per_minute))
        counts = self._states(size, begun)
        details = {f"numberOf{kind}Things": count for kind, count in counts.items()}
        return {"job": {"status": "IN_PROGRESS", "jobProcessDetails": details}}

    def _states(self, size, begun):
        if (size, begun) not in self._counted:
            self._counted[size, begun] = Counter(
                "Queued"
                if number >= begun or self._asleep(number)
                else "InProgress"
                if self._interrupted(number)
                else "Succeeded"
                for number in range(size)
            )
        return self._counted[size, begun]

    def _ListThingsInThingGroup(self, given):  # noqa: N802
        group = given.thingGroupName.rpartition("-")[2]
        return {"things": self._things(group)[: given.maxResults]}

    def _ListCoreDevices(self, given):  # noqa: N802
        cores = [
            {
                "coreDeviceThingName": thing,
                "status": "HEALTHY",
                "lastStatusUpdateTimestamp": NOW - timedelta(hours=1)
                if self._dark(thing)
                else self.now,
            }
            for thing in self._things(_group(given.thingGroupArn))
        ]
        return {"coreDevices": cores[: given.maxResults]}

    def _ListInstalledComponents(self, given):  # noqa: N802
        parts = [
            {
                "componentName": name,
                "lifecycleState": "RUNNING",
                "lastStatusChangeTimestamp": NOW,
            }
            for name in (COMPONENT, PROGRAM)
        ]
        return {"installedComponents": parts}

    def _DescribeStacks(self, _given):  # noqa: N802
        outputs = [{"OutputKey": "LatestTable", "OutputValue": "latest"}]
        return {"Stacks": [{"Outputs": outputs}]}

    def _BatchGetItem(self, given):  # noqa: N802
        rows = [
            row
            for key in given.RequestItems["latest"]["Keys"]
            if (row := self._row(key["thing"]["S"], key["kind"]["S"]))
        ]
        return {"Responses": {"latest": rows}}

    def _row(self, thing, kind):
        dark = self._dark(thing)
        received = NOW - timedelta(hours=1) if dark else self.now
        row: dict[str, Any] = {"received_ms": int(received.timestamp() * 1000)}
        minutes = 1440 + int((received - NOW).total_seconds() // 60)
        if kind == "telemetry":
            row |= {"fps": 15, "p99_ms": 80, "uptime_s": minutes * 60, "detections": minutes}
            row |= {"source_state": "streaming", "frames": minutes * 900, "bad_frames": 0}
            row |= {"classes": {"paper": minutes}, "model": {"digest": "d", "version": "1.0.2"}}
        elif kind == "detection":
            row |= {"class": "paper", "confidence": 1}
        else:
            row["event"] = "disconnected" if dark else "connected"
        return _typed({"thing": thing, "kind": kind, **row})["M"]

    def _dark(self, thing):
        number = int(thing.rpartition("-")[2])
        return self._asleep(number) or self._interrupted(number)

    def _things(self, group):
        return [f"{group}-{number}" for number in range(self._sizes[group])]


_PLACE = {
    "region_name": REGION,
    "aws_access_key_id": "test",
    "aws_secret_access_key": "test",
}


def _group(arn):
    [name] = [name for name, one in GROUPS.items() if one == arn]
    return name


def _typed(value):
    """A value as DynamoDB sends it."""
    if isinstance(value, dict):
        return {"M": {key: _typed(inner) for key, inner in value.items()}}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


def since(moment: datetime) -> float:
    """Minutes since the simulation's start."""
    return (moment - NOW).total_seconds() / 60
