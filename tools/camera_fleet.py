# SPDX-License-Identifier: Apache-2.0
"""The steps that move or retire cameras, rotate their certificates and revoke kits."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.config.settings import Settings
from tools.camera_list import CameraList, EnrolmentError

SHOWN = 8
"""Characters of a certificate's id that people see."""
Step = tuple[str, Callable[[], Any]]
"""A step: its description and the call that carries it out."""


class Fleet:
    """The cameras of one environment, in AWS IoT and Greengrass."""

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
        """Add a camera to one model group and remove it from the other."""
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
        """Delete a camera's certificates, core device and thing, and refuse its serial number.

        Its detections stay where they are. Steps that are already done are skipped, so an
        interrupted retirement can be run again. Raises EnrolmentError for an unknown serial number.
        """
        thing = self.thing(serial)
        listed = self.known.get(serial) is not None
        core = self._if_any(self._greengrass.get_core_device, coreDeviceThingName=thing)
        registered = self._if_any(self._iot.describe_thing, thingName=thing)
        if not (listed or core or registered):
            raise EnrolmentError(
                f"serial {serial}: not on the list, and {thing} is not registered; make cameras "
                "lists the serial numbers"
            )
        if listed:
            yield f"refuse the serial number {serial}", lambda: self.known.retire(serial)
        for principal in self._principals(thing):
            yield from self._end_certificate(thing, principal)
        if core:
            yield (
                f"delete the core device {thing}",
                _calling(self._greengrass.delete_core_device, coreDeviceThingName=thing),
            )
        if registered:
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
        """Let an enrolled camera get another certificate; its current one keeps working."""
        self._require(serial)
        if self.known.get(serial) is None:
            raise EnrolmentError(f"serial {serial}: not on the list; add it with ADD={serial}")
        words = f"let {self.thing(serial)} register another certificate for 24 hours; on the box: "
        words += f"sudo sh kit/install.sh --rotate {serial}"
        yield words, lambda: self.known.rotate(serial)

    def rotated(self, serial: str, certificate: str) -> Iterator[Step]:
        """End every certificate of a camera except this one, which its box uses."""
        thing = self.thing(serial)
        principals = self._principals(thing)
        kept = [arn for arn in principals if arn.rsplit("/", 1)[1].startswith(certificate)]
        if len(certificate) < SHOWN or len(kept) != 1:
            raise EnrolmentError(
                f"certificate {certificate}: {len(kept)} certificates of {thing} begin with it; "
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
            raise EnrolmentError(
                f"kit {kit}: {len(found)} kits begin with it; allowed: exactly one"
            )
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
        pages = iot.get_paginator("list_attached_policies").paginate(target=arn)
        for policy in [policy for page in pages for policy in page["policies"]]:
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
        pages = self._iot.get_paginator("list_thing_principals").paginate(thingName=thing)
        return self._if_any(lambda: [arn for page in pages for arn in page["principals"]]) or []

    def _if_any(self, call: Callable[..., Any], **arguments: str) -> Any:
        """The answer of a call, or None if the resource does not exist."""
        try:
            return call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return None

    def _require(self, serial: str) -> None:
        if not self._if_any(self._iot.describe_thing, thingName=self.thing(serial)):
            raise EnrolmentError(
                f"serial {serial}: {self.thing(serial)} is not registered; make cameras lists the "
                "serial numbers, and a camera can be moved once it has enrolled"
            )


def _calling(call: Callable[..., Any], **arguments: str) -> Callable[[], Any]:
    return lambda: call(**arguments)
