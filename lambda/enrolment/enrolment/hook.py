# SPDX-License-Identifier: Apache-2.0
"""The answer of a pre-provisioning hook (AWS IoT Core developer guide, "Pre-provisioning hooks").

AWS IoT sends ``claimCertificateId``, ``certificateId``, ``clientId``, ``templateArn`` and the
camera's ``parameters``; it registers the camera only for ``{"allowProvisioning": true}``.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

SERIAL = re.compile(r"(?!claim-)(?!.*-.{4}-.{12}$)[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""A serial number. A claim certificate may connect as ``<prefix>-claim-…`` (the Java nucleus) or as
a UUID (nucleus lite). No camera may have such a name, so that a claim certificate cannot disconnect
one."""
UNKNOWN_SITE = "unassigned"


class Registered(Protocol):
    """The part of the registry that the hook needs."""

    def camera(self, serial: str) -> Mapping[str, Any] | None: ...
    def kit(self, certificate_id: str) -> Mapping[str, Any] | None: ...
    def registered(self, serial: str) -> bool: ...
    def claim(self, serial: str, *, certificate_id: str, kit: str, now: int) -> bool: ...


class RefusedError(Exception):
    """Why a camera may not be registered."""


def answer(event: Mapping[str, Any], registry: Registered, now: int) -> dict[str, Any]:
    """Allow or refuse one camera and log the reason. ``now`` is in seconds since 1970."""
    refused, site = "", UNKNOWN_SITE
    try:
        site = str(admit(event, registry, now).get("site") or UNKNOWN_SITE)
    except RefusedError as error:
        refused = str(error)
    print(
        json.dumps(
            {
                "message": "camera refused" if refused else "camera allowed",
                "serial": event.get("parameters", {}).get("SerialNumber"),
                "reason": refused,
                "claim_certificate": event.get("claimCertificateId"),
                "client": event.get("clientId"),
            }
        )
    )
    if refused:
        return {"allowProvisioning": False}
    return {"allowProvisioning": True, "parameterOverrides": {"Site": site}}


def admit(event: Mapping[str, Any], registry: Registered, now: int) -> Mapping[str, Any]:
    """Claim the camera's serial number and return its item. Raises RefusedError."""
    serial = event.get("parameters", {}).get("SerialNumber")
    if not isinstance(serial, str) or not SERIAL.fullmatch(serial):
        raise RefusedError(f"SerialNumber {serial!r}; allowed: {SERIAL.pattern}")
    kit = str(event.get("claimCertificateId") or "")
    _require_kit(registry.kit(kit), now)
    camera = registry.camera(serial)
    if camera is None:
        raise RefusedError("the serial number is not on the list of expected cameras")
    if camera.get("camera_state") != "expected":
        raise RefusedError(f"the camera is {camera.get('camera_state')}")
    # A camera in rotation gets a second certificate (make cameras ROTATE=).
    if int(camera.get("rotate_until", 0)) <= now and registry.registered(serial):
        raise RefusedError("a camera with this serial number is already registered")
    certificate = str(event.get("certificateId") or "")
    if not registry.claim(serial, certificate_id=certificate, kit=kit, now=now):
        raise RefusedError("another camera is claiming this serial number right now")
    return camera


def _require_kit(kit: Mapping[str, Any] | None, now: int) -> None:
    if kit is None:
        raise RefusedError("the claim certificate is not one of an enrolment kit")
    if kit.get("kit_state") != "active":
        raise RefusedError(f"the enrolment kit is {kit.get('kit_state')}")
    if int(kit["expires_at"]) <= now:
        raise RefusedError("the enrolment kit has expired")
