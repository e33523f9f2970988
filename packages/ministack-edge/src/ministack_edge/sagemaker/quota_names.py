# SPDX-License-Identifier: Apache-2.0
"""SageMaker's quotas for machines by the names that Service Quotas gives them."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

import botocore.loaders
from botocore.model import ServiceModel

_SHAPES = {
    "training job": "TrainingInstanceType",
    "spot training job": "TrainingInstanceType",
    "processing job": "ProcessingInstanceType",
    "notebook instance": "InstanceType",
}
_SETTING = re.compile(r"(ml\.[a-z0-9.-]+ for [a-z ]+ usage)\s*=\s*(\d+)")


@functools.cache
def codes() -> Mapping[str, str]:
    """Quota codes by name; made up, and always the same."""
    document = botocore.loaders.Loader().load_service_model("sagemaker", "service-2")
    model = ServiceModel(document, "sagemaker")
    names = [
        f"{kind} for {use} usage"
        for use, shape in _SHAPES.items()
        for kind in model.shape_for(shape).enum
    ]
    return {name: f"L-{number:08X}" for number, name in enumerate(sorted(names))}


def parse(text: str) -> dict[str, int]:
    """``ml.m5.xlarge for training job usage=0; ...`` by name. ValueError says what is allowed."""
    found = {}
    for part in filter(None, (part.strip() for part in re.split(r"[;,]", text))):
        match = _SETTING.fullmatch(part)
        if match is None or match[1] not in codes():
            raise ValueError(
                f"quota {part!r}: allowed: '<instance type> for <use> usage=<number>', several "
                f"with ; between them; uses: {', '.join(_SHAPES)}; as Service Quotas names "
                "them, for example 'ml.m5.xlarge for training job usage=0'"
            )
        found[match[1]] = int(match[2])
    return found
