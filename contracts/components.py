# SPDX-License-Identifier: Apache-2.0
"""Versions of Greengrass components, derived from their content."""

import re

PROGRAM_VERSION = "BINSIGHT_PROGRAM_VERSION"
"""Environment variable that contains the version of the camera program's component."""
_PART = 10**6
"""Greengrass allows 0 to 999999 in each part of a version."""


def content_version(digest: str, major: int | str = 1) -> str:
    """A component version that is the same for the same content: ``<major>.<n>.<n>``.

    ``digest`` is a hexadecimal digest of at least 16 digits (SHA-256 in all uses here). The two
    numbers contain 40 bits of it. ``major`` may be text whose value is known only at deployment.
    """
    if not re.fullmatch(r"[0-9a-f]{16,}", digest):
        raise ValueError(f"digest {digest!r}: expected at least 16 hexadecimal digits")
    return f"{major}.{int(digest[:8], 16) % _PART}.{int(digest[8:16], 16) % _PART}"
