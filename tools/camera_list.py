# SPDX-License-Identifier: Apache-2.0
"""The list of expected cameras and the enrolment kits: the DynamoDB table that the hook reads.

``lambda/enrolment`` decides by this table who may become a camera; docs/how-to/enrol-cameras.md
describes it.
"""

import csv
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from contracts.text_file import decoded_text
from infra.config.settings import Settings
from tools.account import describe, outputs, stack_name

SERIAL = re.compile(r"(?!claim-)(?!.*-.{4}-.{12}$)[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""The same pattern as in ``lambda/enrolment/enrolment/hook.py``; tests/enrolment compares them."""
ROTATION_SECONDS = 24 * 3600
"""How long a camera may register another certificate after ``make cameras ROTATE=``."""
SITE = re.compile(r"[A-Za-z0-9_.,@/:#-]{1,128}")
"""What AWS IoT accepts as a thing's attribute value and as a searchable attribute of its type."""


class EnrolmentError(Exception):
    """An error that the user can fix; the message says how."""


@dataclass(frozen=True)
class Camera:
    """A line of a list of cameras."""

    serial: str
    site: str = ""


def read_cameras(path: Path) -> list[Camera]:
    """The cameras in a CSV file with the columns ``serial`` and, optionally, ``site``.

    A file without a header has serial numbers in its first column and sites in its second.
    Raises EnrolmentError that names the file, the line and what is allowed.
    """
    try:
        text = decoded_text(path.expanduser().read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise EnrolmentError(f"{path}: {error}; expected: a CSV file of serial,site") from error
    found: dict[str, Camera] = {}
    for number, row in enumerate(csv.reader(text.splitlines()), start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if number == 1 and cells[0].lower() in ("serial", "serialnumber", "serial_number"):
            continue
        camera = checked(Camera(*cells[:2]), where=f"{path}:{number}")
        if camera.serial in found:
            raise EnrolmentError(f"{path}:{number}: serial {camera.serial} is listed twice")
        found[camera.serial] = camera
    if not found:
        raise EnrolmentError(f"{path}: no camera in it; expected: lines of serial,site")
    return list(found.values())


def checked(camera: Camera, *, where: str) -> Camera:
    """The camera itself; raises EnrolmentError for a serial number or site that AWS refuses."""
    if not SERIAL.fullmatch(camera.serial):
        raise EnrolmentError(
            f"{where}: serial {camera.serial!r}; allowed: 1 to 64 letters, digits, '_', '.', '-', "
            "beginning with a letter or digit, not with 'claim-', not ending like a UUID"
        )
    if camera.site and not SITE.fullmatch(camera.site):
        raise EnrolmentError(
            f"{where}: site {camera.site!r}; allowed: 1 to 128 letters, digits and _.,@/:#-"
        )
    return camera


class CameraList:
    """The table of one environment. ``session`` is of the environment's account and region."""

    def __init__(self, session: boto3.Session, settings: Settings) -> None:
        self.outputs = edge_outputs(session, settings)
        self._table = session.resource("dynamodb").Table(self.outputs["CamerasTable"])
        self._iot, self._prefix = session.client("iot"), settings.prefix

    def add(self, cameras: list[Camera]) -> Iterator[tuple[Camera, str]]:
        """Expect these cameras; yields each with what changed: added, moved to a site, unchanged.

        A retired camera stays retired: only ``expect`` accepts its serial number again.
        """
        for camera in cameras:
            known = self.get(camera.serial)
            if known is None:
                self._put(camera)
                yield camera, "added"
            elif camera.site and known.get("site") != camera.site:
                self._set(camera.serial, "site", camera.site)
                self._move(camera)
                yield camera, f"site is now {camera.site}"
            else:
                yield camera, f"unchanged ({known['camera_state']})"

    def _move(self, camera: Camera) -> None:
        """Write the site where the fleet's state takes it from, if the camera is enrolled."""
        try:
            self._iot.update_thing(
                thingName=f"{self._prefix}-{camera.serial}",
                attributePayload={"attributes": {"site": camera.site}, "merge": True},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise

    def get(self, serial: str) -> Mapping[str, Any] | None:
        """One camera's item, or None."""
        found: Mapping[str, Any] | None = self._table.get_item(
            Key={"id": f"serial#{serial}"}, ConsistentRead=True
        ).get("Item")
        return found

    def retire(self, serial: str) -> None:
        """Refuse this serial number from now on."""
        self._set(serial, "camera_state", "retired")

    def expect(self, serial: str) -> None:
        """Accept this serial number again, with a new certificate: for a replaced disk or box."""
        self._table.update_item(
            Key={"id": f"serial#{serial}"},
            UpdateExpression=(
                "SET camera_state = :expected REMOVE claimed_at, certificate, rotate_until"
            ),
            ConditionExpression="attribute_exists(id)",
            ExpressionAttributeValues={":expected": "expected"},
        )

    def rotate(self, serial: str) -> None:
        """Let an enrolled camera register another certificate beside its own, for a day.

        It may do so at once: an earlier claim's reservation is removed, because the camera already
        has its certificate, and the window allows a second one.
        """
        self._table.update_item(
            Key={"id": f"serial#{serial}"},
            UpdateExpression="SET rotate_until = :until REMOVE claimed_at",
            ConditionExpression="attribute_exists(id)",
            ExpressionAttributeValues={":until": int(time.time()) + ROTATION_SECONDS},
        )

    def rotated(self, serial: str) -> None:
        """Refuse further certificates from now on."""
        self._set(serial, "rotate_until", 0)

    def cameras(self) -> list[Mapping[str, Any]]:
        """Every camera of the list, by serial number."""
        return sorted(self._scan("camera"), key=lambda item: str(item["id"]))

    def kits(self) -> list[Mapping[str, Any]]:
        """Every enrolment kit, the oldest first."""
        return sorted(self._scan("kit"), key=lambda item: int(item["made_at"]))

    def add_kit(self, certificate_id: str, *, days: int) -> None:
        """Record a claim certificate that works for this many days."""
        now = int(time.time())
        self._table.put_item(
            Item={
                "id": f"kit#{certificate_id}",
                "kind": "kit",
                "kit_state": "active",
                "made_at": now,
                "expires_at": now + days * 86_400,
            }
        )

    def revoke_kit(self, certificate_id: str) -> None:
        """Refuse every camera that enrols with this kit from now on."""
        try:
            self._table.update_item(
                Key={"id": f"kit#{certificate_id}"},
                UpdateExpression="SET kit_state = :revoked",
                ConditionExpression="attribute_exists(id)",
                ExpressionAttributeValues={":revoked": "revoked"},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise EnrolmentError(
                    f"kit {certificate_id}: there is no kit with this id"
                ) from error
            raise

    def _put(self, camera: Camera) -> None:
        item = {
            "id": f"serial#{camera.serial}",
            "kind": "camera",
            "camera_state": "expected",
            "added_at": int(time.time()),
        }
        self._table.put_item(Item={**item, **({"site": camera.site} if camera.site else {})})

    def _set(self, serial: str, key: str, value: str | int) -> None:
        self._table.update_item(
            Key={"id": f"serial#{serial}"},
            UpdateExpression="SET #key = :value",
            ExpressionAttributeNames={"#key": key},
            ExpressionAttributeValues={":value": value},
        )

    def _scan(self, kind: str) -> Iterator[Mapping[str, Any]]:
        for page in self._table.meta.client.get_paginator("scan").paginate(
            TableName=self._table.name,
            FilterExpression="kind = :kind",
            ExpressionAttributeValues={":kind": kind},
            ConsistentRead=True,
        ):
            yield from page["Items"]


def edge_outputs(session: boto3.Session, settings: Settings) -> Mapping[str, str]:
    """The outputs of the environment's edge stack; EnrolmentError if it is not deployed."""
    name = stack_name(settings, "Edge")
    stack = describe(session, name)
    if stack is None:
        raise EnrolmentError(f"stack {name} is not deployed; run make deploy ENV=… first")
    found = outputs(stack)
    if "CamerasTable" not in found:
        raise EnrolmentError(f"stack {name} has no list of cameras; run make deploy ENV=… again")
    return found
