# SPDX-License-Identifier: Apache-2.0
"""Digests by which a message is recognised when it has arrived."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_ADDED = ("kind", "received_ms")
"""What the rules add to a message."""


def digest(message: Mapping[str, Any]) -> str:
    """A short digest of a message as it left the camera."""
    sent = {key: value for key, value in message.items() if key not in _ADDED}
    return hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()[:16]
