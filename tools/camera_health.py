# SPDX-License-Identifier: Apache-2.0
"""Lists cameras that Greengrass reports as unhealthy, with the reason and the command that fixes
it.

Nucleus lite does not roll back: a component that failed three times (within an hour, for a program
that is killed) stays BROKEN until a deployment reaches the core or it reboots.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_ENDED = ("BROKEN", "ERRORED")
_NOT_TAKEN = ("FAILED", "REJECTED", "TIMED_OUT")
_LONGEST_REASON = 200


class Trouble(NamedTuple):
    """A camera, what is wrong with it, and what the operator should do."""

    thing: str
    what: str
    help: str


def troubles(greengrass: Any, *, group_arn: str, environment: str, prefix: str) -> list[Trouble]:
    """Every trouble of the group's cores, by thing. ``greengrass`` is boto3's greengrassv2 client.

    Details are read only for cores that Greengrass reports as UNHEALTHY, so that the number of
    calls does not grow with the fleet.
    """
    found = []
    for core in _all(
        greengrass, "list_core_devices", "coreDevices", thingGroupArn=group_arn, status="UNHEALTHY"
    ):
        thing = str(core["coreDeviceThingName"])
        of_core = [
            *_broken(greengrass, thing, environment, prefix),
            *_refused(greengrass, thing, environment),
        ]
        found += of_core or [
            Trouble(thing, "UNHEALTHY, and no component reports a reason", _look_at_log(thing))
        ]
    return sorted(found)


def _broken(greengrass: Any, thing: str, environment: str, prefix: str) -> Iterator[Trouble]:
    for part in _all(
        greengrass, "list_installed_components", "installedComponents", coreDeviceThingName=thing
    ):
        if part.get("lifecycleState") not in _ENDED:
            continue
        name, version = part["componentName"], part.get("componentVersion", "")
        if name == f"{prefix}.Model":
            helps = (
                "while the camera's group has this model, every deployment to the camera fails: "
                f"make rollout ENV={environment} ROLLBACK=1, or approve another model"
            )
        else:
            helps = (
                "reboot the box, or deploy to it (a changed setting, then "
                f"make deploy ENV={environment}); after a bad setting, deploy the old one"
            )
        yield Trouble(thing, f"{name} {version} is {part['lifecycleState']}", helps)


def _refused(greengrass: Any, thing: str, environment: str) -> Iterator[Trouble]:
    for deployment in _all(
        greengrass,
        "list_effective_deployments",
        "effectiveDeployments",
        coreDeviceThingName=thing,
    ):
        status = deployment["coreDeviceExecutionStatus"]
        if status in _NOT_TAKEN:
            group = str(deployment["targetArn"]).rpartition("/")[2]
            reason = str(deployment.get("reason", "no reason given"))[:_LONGEST_REASON]
            yield Trouble(
                thing,
                f"deployment to {group} {status}: {reason}",
                f"deploy the last working version: make deploy ENV={environment} of the last good "
                "commit "
                "(docs/packaging.md)",
            )


def _look_at_log(thing: str) -> str:
    return f"look at the nucleus's log on the box of {thing}, or reboot it"


def _all(client: Any, operation: str, key: str, **arguments: str) -> Iterator[dict[str, Any]]:
    paginate: Callable[..., Any] = client.get_paginator(operation).paginate
    for page in paginate(**arguments):
        yield from page[key]
