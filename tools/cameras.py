# SPDX-License-Identifier: Apache-2.0
"""List, add, move and retire the cameras of an environment, and revoke enrolment kits.

    make cameras ENV=prod                              # the list
    make cameras ENV=prod ADD=serials.csv              # expect these (or ADD=serial,site)
    make cameras ENV=prod CANARY=7 DRY=1               # say what would be done
    make cameras ENV=prod RETIRE=7

A serial number names a camera; SERIAL,SERIAL names several. With DRY=1 nothing is changed.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from infra.config.errors import SettingsError
from infra.config.settings import Settings, load
from tools.account import AccountError, session_for
from tools.camera_health import troubles
from tools.camera_list import Camera, CameraList, EnrolmentError, checked, read_cameras

WARN_DAYS = 14
"""As the function that looks for expired kits does (lambda/enrolment/enrolment/kits.py)."""
SHOWN = 8
"""Characters of a certificate's id that people see."""
Step = tuple[str, Callable[[], Any]]
"""What a step does, in words, and the call that does it."""


def main() -> int:
    """Do what was asked for, step by step; return the exit status."""
    given = _parser().parse_args()
    try:
        settings = load(given.environment)
        session = session_for(settings)
        known = CameraList(session, settings)
        fleet = Fleet(session, settings, known)
        actions = list(_asked(given, fleet))
        if not actions:
            print_list(known, fleet)
            print_troubles(session, settings, known, given.environment)
            return 0
        for title, steps in actions:
            print(title)
            run(steps, dry=given.dry_run)
    except (SettingsError, AccountError, EnrolmentError) as error:
        print(f"cameras: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"cameras: {error}; run it again to go on from here", file=sys.stderr)
        return 1
    return 0


def run(steps: Iterable[Step], *, dry: bool) -> None:
    """Do the steps in order, each said first; only say them where ``dry``."""
    for words, call in steps:
        print(f"  {'would ' if dry else ''}{words}", flush=True)
        if not dry:
            call()


class Fleet:
    """What AWS IoT and Greengrass know of the cameras of one environment."""

    def __init__(self, session: boto3.Session, settings: Settings, known: CameraList) -> None:
        self._iot = session.client("iot")
        self._greengrass = session.client("greengrassv2")
        self._prefix = settings.prefix
        self.known = known
        self._groups = {
            "canary": known.outputs["CanaryThingGroup"],
            "fleet": known.outputs["FleetThingGroup"],
        }

    def thing(self, serial: str) -> str:
        """The thing's name of the camera with this serial number."""
        return f"{self._prefix}-{serial}"

    def members(self) -> dict[str, str]:
        """The model group of every thing that is in one: ``canary`` or ``fleet``."""
        return {
            thing: name
            for name, group in self._groups.items()
            for page in self._iot.get_paginator("list_things_in_thing_group").paginate(
                thingGroupName=group
            )
            for thing in page["things"]
        }

    def move(self, serial: str, to: str) -> Iterator[Step]:
        """Put a camera into one model group and take it out of the other."""
        thing = self.thing(serial)
        self._require(serial)
        for name, group in self._groups.items():
            call = self._iot.remove_thing_from_thing_group
            words = f"remove {thing} from {group}"
            if name == to:
                call = self._iot.add_thing_to_thing_group
                words = f"add {thing} to {group}"
            yield words, _calling(call, thingName=thing, thingGroupName=group)

    def retire(self, serial: str) -> Iterator[Step]:
        """End a camera: its certificates, its core device, its thing, its place on the list.

        Its detections stay where they are. Steps that were done before are left out, so a
        retirement that was interrupted can be run again.
        """
        thing = self.thing(serial)
        if self.known.get(serial) is not None:
            yield f"refuse the serial number {serial}", lambda: self.known.retire(serial)
        for principal in self._principals(thing):
            yield from self._end_certificate(thing, principal)
        if self._if_any(self._greengrass.get_core_device, coreDeviceThingName=thing):
            yield (
                f"delete the core device {thing}",
                _calling(self._greengrass.delete_core_device, coreDeviceThingName=thing),
            )
        if self._if_any(self._iot.describe_thing, thingName=thing):
            yield f"delete the thing {thing}", _calling(self._iot.delete_thing, thingName=thing)

    def expect(self, serial: str) -> Iterator[Step]:
        """Let a serial number enrol again, with a new certificate; ends the old one first."""
        if self.known.get(serial) is None:
            raise EnrolmentError(f"serial {serial}: not on the list; add it with ADD={serial}")
        thing = self.thing(serial)
        for principal in self._principals(thing):
            yield from self._end_certificate(thing, principal)
        yield f"expect the serial number {serial}", lambda: self.known.expect(serial)

    def rotate(self, serial: str) -> Iterator[Step]:
        """Let an enrolled camera get another certificate; the one it has keeps working."""
        self._require(serial)
        if self.known.get(serial) is None:
            raise EnrolmentError(f"serial {serial}: not on the list; add it with ADD={serial}")
        words = f"let {self.thing(serial)} register another certificate for 24 hours; on the box: "
        words += f"sudo sh kit/install.sh --rotate {serial}"
        yield words, lambda: self.known.rotate(serial)

    def rotated(self, serial: str, certificate: str) -> Iterator[Step]:
        """End every certificate of a camera but the one that its box says it uses."""
        thing = self.thing(serial)
        principals = self._principals(thing)
        kept = [arn for arn in principals if arn.rsplit("/", 1)[1].startswith(certificate)]
        if len(certificate) < SHOWN or len(kept) != 1:
            raise EnrolmentError(
                f"certificate {certificate}: {len(kept)} certificates of {thing} begin so; "
                f"allowed: at least {SHOWN} characters of exactly one, as install.sh --rotate "
                "printed them"
            )
        described = self._iot.describe_certificate(certificateId=kept[0].rsplit("/", 1)[1])
        if described["certificateDescription"]["status"] != "ACTIVE":
            raise EnrolmentError(f"certificate {certificate} of {thing} is not active")
        yield (
            f"refuse another certificate for {serial}",
            lambda: self.known.rotated(serial),
        )
        for principal in principals:
            if principal != kept[0]:
                yield from self._end_certificate(thing, principal)

    def revoke(self, kit: str) -> Iterator[Step]:
        """End an enrolment kit, named by the first characters of its id."""
        found = [
            str(item["id"]).removeprefix("kit#")
            for item in self.known.kits()
            if str(item["id"]).startswith(f"kit#{kit}")
        ]
        if len(found) != 1:
            raise EnrolmentError(f"kit {kit}: {len(found)} kits begin so; allowed: exactly one")
        yield f"refuse the kit {kit}", lambda: self.known.revoke_kit(found[0])
        arn = self._iot.describe_certificate(certificateId=found[0])["certificateDescription"][
            "certificateArn"
        ]
        yield from self._end_certificate("", arn)

    def _end_certificate(self, thing: str, arn: str) -> Iterator[Step]:
        certificate = arn.rsplit("/", 1)[1]
        shown = certificate[:SHOWN]
        iot = self._iot
        yield (
            f"deactivate certificate {shown}",
            _calling(iot.update_certificate, certificateId=certificate, newStatus="INACTIVE"),
        )
        for policy in iot.list_attached_policies(target=arn)["policies"]:
            name = policy["policyName"]
            yield (
                f"detach policy {name}",
                _calling(iot.detach_policy, policyName=name, target=arn),
            )
        if thing:
            yield (
                f"detach certificate {shown} from {thing}",
                _calling(iot.detach_thing_principal, thingName=thing, principal=arn),
            )
        yield (
            f"delete certificate {shown}",
            _calling(iot.delete_certificate, certificateId=certificate),
        )

    def _principals(self, thing: str) -> list[str]:
        found = self._if_any(self._iot.list_thing_principals, thingName=thing)
        return found["principals"] if found else []

    def _if_any(self, call: Callable[..., Any], **arguments: str) -> Any:
        """The answer of a call, or None where AWS knows no such thing."""
        try:
            return call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return None

    def _require(self, serial: str) -> None:
        if not self._if_any(self._iot.describe_thing, thingName=self.thing(serial)):
            raise EnrolmentError(
                f"serial {serial}: {self.thing(serial)} is not registered yet; a camera can be "
                "moved once it has enrolled"
            )


def print_list(known: CameraList, fleet: Fleet) -> None:
    """The cameras and the kits, as two tables."""
    members = fleet.members()
    table = Table("serial", "site", "state", "models", "thing")
    for item in known.cameras():
        serial = str(item["id"]).removeprefix("serial#")
        thing = fleet.thing(serial)
        enrolled = thing in members
        state = "enrolled" if enrolled and item["camera_state"] == "expected" else ""
        table.add_row(
            serial,
            str(item.get("site", "")),
            state or str(item["camera_state"]),
            members.get(thing, ""),
            thing if enrolled else "",
        )
    console = Console()
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
    """What is wrong with cameras, and the command that helps; nothing where all are well."""
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


def _asked(given: argparse.Namespace, fleet: Fleet) -> Iterator[tuple[str, Iterable[Step]]]:
    if given.add:
        yield f"add {given.add}", _add(given.add, fleet)
    for group in ("canary", "fleet"):
        for serial in _several(getattr(given, group)):
            yield f"camera {serial}: to the {group} group", fleet.move(serial, group)
    for serial in _several(given.retire):
        yield f"camera {serial}: retire", fleet.retire(serial)
    for serial in _several(given.expect):
        yield f"camera {serial}: enrol again", fleet.expect(serial)
    for serial in _several(given.rotate):
        yield f"camera {serial}: rotate its certificate", fleet.rotate(serial)
    for each in _several(given.rotated):
        serial, _, certificate = each.rpartition(":")
        yield f"camera {serial}: keep certificate {certificate}", fleet.rotated(serial, certificate)
    for kit in _several(given.revoke):
        yield f"kit {kit}: revoke", fleet.revoke(kit)


def _add(asked: str, fleet: Fleet) -> Iterator[Step]:
    path = Path(asked).expanduser()
    if path.is_file():
        cameras = read_cameras(path)
    else:
        cameras = [checked(Camera(*asked.split(",", 1)), where=f"ADD={asked}")]
    for camera in cameras:
        shown = f"{camera.serial}{f' at {camera.site}' if camera.site else ''}"
        yield f"expect {shown}", partial(_expect, fleet, camera)


def _expect(fleet: Fleet, camera: Camera) -> None:
    for _change in fleet.known.add([camera]):
        pass


def _several(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _calling(call: Callable[..., Any], **arguments: str) -> Callable[[], Any]:
    return lambda: call(**arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--environment", required=True, help="a file in environments/")
    parser.add_argument("--add", default="", help="a CSV file of serial,site; or serial,site")
    parser.add_argument("--canary", default="", help="serial numbers that get models first")
    parser.add_argument("--fleet", default="", help="serial numbers that get models later")
    parser.add_argument("--retire", default="", help="serial numbers of cameras that are gone")
    parser.add_argument("--expect", default="", help="serial numbers that may enrol again")
    parser.add_argument("--rotate", default="", help="serial numbers that get a new certificate")
    parser.add_argument("--rotated", default="", help="SERIAL:CERTIFICATE that the box uses now")
    parser.add_argument("--revoke", default="", help="kits that may enrol nobody any more")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    return parser


if __name__ == "__main__":
    sys.exit(main())
