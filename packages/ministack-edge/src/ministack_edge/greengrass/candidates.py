# SPDX-License-Identifier: Apache-2.0
"""ResolveComponentCandidates: which component version a core takes, and its recipe."""

from __future__ import annotations

import base64
import json

from ministack_edge.greengrass import components
from ministack_edge.greengrass.version_range import VersionRangeError, numbers, satisfies
from ministack_edge.protocol import AwsError, Document, not_found, require


def resolve(request: Document) -> Document:
    """The newest version of each candidate that meets all its requirements.

    A candidate names its component, what the core has of it (``componentVersion``) and what each
    of its dependents asks for (``versionRequirements``).
    """
    if not request.get("platform"):
        raise AwsError("ValidationException", "platform is required")
    found = []
    for candidate in request.get("componentCandidates") or []:
        require(candidate, "componentName", "versionRequirements")
        version = _newest(candidate["componentName"], candidate["versionRequirements"])
        arn = components.component_arn(candidate["componentName"], version)
        recipe = json.dumps(components.find(arn)["_recipe"]).encode()
        found.append(
            {
                "arn": arn,
                "componentName": candidate["componentName"],
                "componentVersion": version,
                "recipe": base64.b64encode(recipe).decode(),
                "vendorGuidance": "ACTIVE",
            }
        )
    return {"resolvedComponentVersions": found}


def _newest(name: str, requirements: dict[str, str]) -> str:
    try:
        fitting = [
            version
            for version in components.versions_of(name)
            if all(satisfies(version, requirement) for requirement in requirements.values())
        ]
    except VersionRangeError as error:
        raise AwsError("ValidationException", str(error)) from error
    if not fitting:
        asked = ", ".join(f"{who} asks for {what}" for who, what in sorted(requirements.items()))
        raise not_found(f"No version of component {name} meets the requirements: {asked}")
    return max(fitting, key=numbers)
