# SPDX-License-Identifier: Apache-2.0
"""An account in memory, in simulated time: the part of AWS that the rollout's function uses.

The answers have boto3's form. Calls are counted by their names.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from contracts.fleet import Row

PENDING, SUCCEEDED, FAILED = "Queued", "Succeeded", "Failed"


class NotFoundError(ClientError):  # type: ignore[misc]
    """What boto3 calls ResourceNotFoundException."""

    def __init__(self, what: str) -> None:
        super().__init__({"Error": {"Code": "ResourceNotFoundException", "Message": what}}, "Get")


class _Exceptions:
    ResourceNotFoundException = NotFoundError

    class ConflictException(Exception):  # noqa: N818 - boto3's name
        """Never raised here."""


@dataclass
class Core:
    """A core device as Greengrass knows it."""

    thing: str
    reported: datetime
    components: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def healthy(self) -> bool:
        return all(part["lifecycleState"] == "RUNNING" for part in self.components.values())


@dataclass(kw_only=True)
class SimulatedAccount:
    """Groups of things, their deployments, and the table of latest messages.

    ``deployed`` is called with each new deployment: group, id, version.
    """

    component: str
    groups: Mapping[str, Sequence[str]]
    now: Callable[[], datetime]
    deployed: Callable[[str, str, str], None]
    cores: dict[str, Core] = field(default_factory=dict)
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    executions: dict[str, dict[str, str]] = field(default_factory=dict)
    """By deployment, how far each thing is."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def clients(self) -> dict[str, Any]:
        """The clients that the rollout's function makes of boto3."""
        greengrass, iot = _Greengrass(self), _Iot(self)
        return {
            "greengrass": greengrass,
            "iot": iot,
            "cloudformation": _CloudFormation(self),
            "dynamodb": _DynamoDB(self),
        }

    def group(self, arn_or_name: str) -> str:
        """Which group is meant."""
        [found] = [name for name in self.groups if arn_or_name.endswith(name)]
        return found

    def newest(self, group: str) -> dict[str, Any] | None:
        """The newest deployment of a group."""
        made = [one for one in self.deployments.values() if one["_group"] == group]
        return made[-1] if made else None

    def create(self, request: Mapping[str, Any]) -> str:
        """Make a deployment; the one before is over."""
        group = self.group(request["targetArn"])
        if before := self.newest(group):
            before["deploymentStatus"] = "INACTIVE"
        deployment = f"deployment-{next(self._numbers)}"
        self.deployments[deployment] = {
            **request,
            "deploymentId": deployment,
            "deploymentStatus": "ACTIVE",
            "iotJobId": f"job-{deployment}",
            "creationTimestamp": self.now(),
            "_group": group,
        }
        self.executions[deployment] = dict.fromkeys(self.groups[group], PENDING)
        version = request["components"][self.component]["componentVersion"]
        self.deployed(group, deployment, version)
        return deployment


class _Client:
    exceptions = _Exceptions

    def __init__(self, account: SimulatedAccount) -> None:
        self.account = account

    def get_paginator(self, operation: str) -> Any:
        """One page."""
        call = getattr(self, operation)

        class Paginator:
            def paginate(self, **arguments: Any) -> list[Any]:
                return [call(**arguments)]

        return Paginator()


class _Greengrass(_Client):
    def list_deployments(self, *, targetArn: str, **_more: Any) -> dict[str, Any]:  # noqa: N803
        self.account.calls["greengrass:ListDeployments"] += 1
        found = self.account.newest(self.account.group(targetArn))
        return {"deployments": [found] if found else []}

    def get_deployment(self, *, deploymentId: str) -> dict[str, Any]:  # noqa: N803
        self.account.calls["greengrass:GetDeployment"] += 1
        if deploymentId not in self.account.deployments:
            raise NotFoundError(deploymentId)
        return self.account.deployments[deploymentId]

    def create_deployment(self, **request: Any) -> dict[str, Any]:
        self.account.calls["greengrass:CreateDeployment"] += 1
        return {"deploymentId": self.account.create(request)}

    def cancel_deployment(self, *, deploymentId: str) -> dict[str, Any]:  # noqa: N803
        self.account.calls["greengrass:CancelDeployment"] += 1
        self.account.deployments[deploymentId]["deploymentStatus"] = "CANCELED"
        return {}

    def list_core_devices(self, *, thingGroupArn: str, **_more: Any) -> dict[str, Any]:  # noqa: N803
        self.account.calls["greengrass:ListCoreDevices"] += 1
        members = self.account.groups[self.account.group(thingGroupArn)]
        cores = [core for thing in members if (core := self.account.cores.get(thing))]
        return {
            "coreDevices": [
                {
                    "coreDeviceThingName": core.thing,
                    "status": "HEALTHY" if core.healthy else "UNHEALTHY",
                    "lastStatusUpdateTimestamp": core.reported,
                }
                for core in cores
            ]
        }

    def list_installed_components(
        self,
        *,
        coreDeviceThingName: str,  # noqa: N803
        **_more: Any,
    ) -> dict[str, Any]:
        self.account.calls["greengrass:ListInstalledComponents"] += 1
        core = self.account.cores[coreDeviceThingName]
        return {
            "installedComponents": [
                {"componentName": name, **part} for name, part in core.components.items()
            ]
        }


class _Iot(_Client):
    def describe_job(self, *, jobId: str) -> dict[str, Any]:  # noqa: N803
        self.account.calls["iot:DescribeJob"] += 1
        counts = Counter(self.account.executions[jobId.removeprefix("job-")].values())
        details = {f"numberOf{kind}Things": number for kind, number in counts.items()}
        return {"job": {"status": "IN_PROGRESS", "jobProcessDetails": details}}

    def list_things_in_thing_group(
        self,
        *,
        thingGroupName: str,  # noqa: N803
        maxResults: int = 250,  # noqa: N803
        **_more: Any,
    ) -> dict[str, Any]:
        self.account.calls["iot:ListThingsInThingGroup"] += 1
        members = self.account.groups[self.account.group(thingGroupName)]
        return {"things": list(members)[:maxResults]}


class _CloudFormation(_Client):
    def describe_stacks(self, **_more: Any) -> dict[str, Any]:
        self.account.calls["cloudformation:DescribeStacks"] += 1
        return {"Stacks": [{"Outputs": [{"OutputKey": "LatestTable", "OutputValue": "latest"}]}]}


class _DynamoDB(_Client):
    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
        self.account.calls["dynamodb:BatchGetItem"] += 1
        [(table, asked)] = RequestItems.items()
        rows = (self.account.rows.get((key["thing"], key["kind"])) for key in asked["Keys"])
        return {"Responses": {table: [row for row in rows if row]}}
