# SPDX-License-Identifier: Apache-2.0
"""What a core says of itself on ``$aws/things/<thing>/greengrassv2/health/json``."""

from __future__ import annotations

import json
import logging
import re

from ministack.services import iot

from ministack_edge.greengrass import core_devices

logger = logging.getLogger("ministack_edge.greengrass")
_TOPIC = re.compile(r"\$aws/things/(?P<thing>[^/]+)/greengrass(v2)?/health/json")


def take(topic: str, payload: bytes) -> None:
    """Note a message if it is a status of a core; to be called in its account and region.

    As on AWS nobody answers: what cannot be read, or is about no thing, is dropped.
    """
    match = _TOPIC.fullmatch(topic)
    if match is None:
        return
    thing = match["thing"]
    try:
        document = json.loads(payload)
        if thing in iot._things and isinstance(document, dict):
            core_devices.note(thing, document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning("fleet status of %s cannot be read: %s", thing, error)
