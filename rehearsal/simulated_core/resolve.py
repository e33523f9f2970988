# SPDX-License-Identifier: Apache-2.0
"""Which version of a component a core takes: it asks the cloud, as a real one does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.simulated_core.cloud import CoreCloud
from rehearsal.simulated_core.recipe import Nucleus

PUBLIC_PREFIX = "aws.greengrass."


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """A component version with the recipe that the service keeps of it."""

    name: str
    version: str
    arn: str
    recipe: Mapping[str, Any]


def resolve(
    cloud: CoreCloud,
    *,
    name: str,
    requirements: Mapping[str, str],
    installed: str | None,
    architecture: str,
    nucleus: Nucleus,
) -> Resolved:
    """The newest version that meets all requirements, which map who asks to what is asked for."""
    attributes = {"os": "linux", "architecture": architecture}
    if nucleus == "lite":
        attributes["runtime"] = "aws_nucleus_lite"
    have = {"componentVersion": installed} if installed else {}
    answer = cloud.client("greengrassv2").resolve_component_candidates(
        platform={"attributes": attributes},
        componentCandidates=[
            {"componentName": name, "versionRequirements": dict(requirements), **have}
        ],
    )
    found = answer["resolvedComponentVersions"][0]
    return Resolved(
        name=name,
        version=found["componentVersion"],
        arn=found["arn"],
        recipe=json.loads(found["recipe"]),
    )
