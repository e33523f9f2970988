# SPDX-License-Identifier: Apache-2.0
"""The output of `make cameras`: the cameras, the kits, and problems of cameras."""

import time
from datetime import UTC, datetime

import boto3
from rich.table import Column, Table

from infra.config.settings import Settings
from tools.camera_fleet import Fleet
from tools.camera_health import troubles
from tools.camera_list import CameraList
from tools.console import PipedConsole

WARN_DAYS = 14
"""The same number of days as in the function for expired kits
(lambda/enrolment/enrolment/kits.py)."""


def print_list(known: CameraList, fleet: Fleet) -> None:
    """The cameras and the kits, as two tables."""
    members = fleet.members()
    # Wrapped, not truncated, because people copy names from here.
    serial, site, name = (Column(title, overflow="fold") for title in ("serial", "site", "thing"))
    table = Table(serial, site, "state", "models", name)
    for item in known.cameras():
        number = str(item["id"]).removeprefix("serial#")
        thing = fleet.thing(number)
        enrolled = thing in members
        state = "enrolled" if enrolled and item["camera_state"] == "expected" else ""
        table.add_row(
            number,
            str(item.get("site", "")),
            state or str(item["camera_state"]),
            members.get(thing, ""),
            thing if enrolled else "",
        )
    console = PipedConsole()
    console.print(table)
    kits = Table("kit", "state", "made", "expires")
    for item in known.kits():
        made, expires = (
            datetime.fromtimestamp(int(item[key]), UTC).date().isoformat()
            for key in ("made_at", "expires_at")
        )
        days = (int(item["expires_at"]) - int(time.time())) // 86_400
        left = f" (in {days} days)" if item["kit_state"] == "active" and days < WARN_DAYS else ""
        kits.add_row(str(item["id"])[4:12], str(item["kit_state"]), made, expires + left)
    console.print(kits)


def print_troubles(
    session: boto3.Session, settings: Settings, known: CameraList, environment: str
) -> None:
    """Print cameras' problems and the commands that fix them; nothing if all are healthy."""
    group = known.outputs["RuntimeThingGroup"]
    arn = session.client("iot").describe_thing_group(thingGroupName=group)["thingGroupArn"]
    found = troubles(
        session.client("greengrassv2"),
        group_arn=arn,
        environment=environment,
        prefix=settings.prefix,
    )
    for trouble in found:
        print(f"{trouble.thing}: {trouble.what}\n  {trouble.help}")
