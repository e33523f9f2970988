# SPDX-License-Identifier: Apache-2.0
"""Reads when a photo was taken from its EXIF or its file name."""

import re
from datetime import UTC, datetime

from PIL import Image

_EXIF, _ORIGINAL, _FRACTION, _CHANGED = 0x8769, 0x9003, 0x9291, 0x0132
_STAMP = re.compile(r"(?<!\d)(20\d{6})[-_T ]?(\d{6})(?:[-_.]?(\d{3}))?(?!\d)")
_UNIX = re.compile(r"(?<!\d)(1\d{9})(\d{3})?(?!\d)")


def taken_at(image: Image.Image, name: str) -> float | None:
    """Seconds since 1970, in the camera's own time zone; None where nothing says it.

    EXIF wins. Of names, ``IMG_20261102_093015.jpg``, ``20261102T093015`` and Unix times in seconds
    or milliseconds are understood.
    """
    return _by_exif(image) or _by_name(name)


def _by_exif(image: Image.Image) -> float | None:
    exif = image.getexif()
    inside = exif.get_ifd(_EXIF)
    text = inside.get(_ORIGINAL) or exif.get(_CHANGED)
    if not isinstance(text, str):
        return None
    seconds = _seconds(text.strip("\0 "), "%Y:%m:%d %H:%M:%S")
    fraction = inside.get(_FRACTION)
    if seconds is not None and isinstance(fraction, str) and fraction.strip("\0 ").isdigit():
        seconds += float(f"0.{fraction.strip(chr(0) + ' ')}")
    return seconds


def _by_name(name: str) -> float | None:
    if found := _STAMP.search(name):
        seconds = _seconds(found[1] + found[2], "%Y%m%d%H%M%S")
        if seconds is not None:
            return seconds + int(found[3] or 0) / 1000
    if found := _UNIX.search(name):
        return int(found[1]) + int(found[2] or 0) / 1000
    return None


def _seconds(text: str, form: str) -> float | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
