# SPDX-License-Identifier: Apache-2.0
"""Which photos a model has seen, small enough for its card.

Datasets grow, and a photo that one model was tested on may be what an earlier model learned from.
Comparing the two on such a photo would favour the earlier one, year after year: so each card lists
24 bits of every photo of training and validation, and comparisons leave those photos out.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from pathlib import Path

_BYTES = 3
"""Of two thousand photos one in eight thousand looks seen by chance: left out, which harms none."""


def fingerprint(path: Path) -> bytes:
    """The photo's beginning of a digest; prepare stores the same photo as the same bytes."""
    return hashlib.sha256(path.read_bytes()).digest()[:_BYTES]


def pack(paths: Iterable[Path]) -> str:
    """The fingerprints of photos as text."""
    return base64.b64encode(b"".join(sorted({fingerprint(path) for path in paths}))).decode()


def unpack(text: object) -> set[bytes] | None:
    """The fingerprints in a card's text; None where the card has none that can be read."""
    if not isinstance(text, str) or not text:
        return None
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    if len(content) % _BYTES:
        return None
    return {content[index : index + _BYTES] for index in range(0, len(content), _BYTES)}
