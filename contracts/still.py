# SPDX-License-Identifier: Apache-2.0
"""A photo that Pillow opened, as the pixels that all parts of Binsight see. Cameras have no Pillow.

Grey, 16-bit, palette and CMYK pictures are converted to 8-bit RGB, transparent areas become white,
and the EXIF orientation is applied.
"""

import io
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from contracts.jpeg_pixels import stored_pixels
from contracts.orientation import UPRIGHT, orientation_of
from contracts.photo_rules import JPEG, damaged, file_problem, frame_problem, size_problem

if TYPE_CHECKING:
    from PIL import Image

_ORIENTATION = 0x0112
_SCAN = 0xDA
_LEAST = {(0xE0, b"JFIF"): 7, (0xE2, b"ICC_PROFILE\0"): 14, (0xEE, b"Adobe"): 7}
"""Bytes that Pillow needs of an application segment; the cameras' decoder skips shorter ones."""
_LAYERED = ("LA", "La", "PA", "RGBA", "RGBa")


class RefusedError(ValueError):
    """This photo is refused; the message is that of ``contracts.photo_rules``."""


def opened(raw: bytes) -> "Image.Image":
    """The picture with its header read and its size checked. Raises RefusedError."""
    from PIL import Image  # noqa: PLC0415 - only where photos are read; cameras have none

    if problem := file_problem(raw):
        raise RefusedError(problem)
    try:
        image = Image.open(io.BytesIO(readable(raw)), formats=("JPEG", "PNG"))
    except Exception as error:
        # Decoders raise anything.
        raise RefusedError(damaged()) from error
    if problem := size_problem(*image.size):
        raise RefusedError(problem)
    return image


def readable(raw: bytes) -> bytes:
    """The file as Pillow can read it: without a JPEG's application segments that are cut short."""
    if not raw.startswith(JPEG):
        return raw
    kept, at = [raw[:2]], 2
    while at + 4 <= len(raw) and raw[at] == 0xFF and raw[at + 1] != _SCAN:
        end = at + 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
        marker, body = raw[at + 1], raw[at + 4 : end]
        short = any(
            marker == kind and body.startswith(name) and len(body) < least
            for (kind, name), least in _LEAST.items()
        )
        if not short:
            kept.append(raw[at:end])
        at = end
    return b"".join((*kept, raw[at:]))


def turn_of(image: "Image.Image", raw: bytes) -> int:
    """1 to 8 as EXIF numbers them; 1 is upright. Raises anything for a damaged PNG."""
    if raw.startswith(JPEG):
        # Not Pillow's function, which also reads XMP: the camera must see the same orientation.
        return orientation_of(raw)
    # Pillow decodes a PNG to find its EXIF. Where that fails, a second attempt says nothing.
    image.load()
    with suppress(Exception):
        # Damaged EXIF counts as no orientation.
        noted = image.getexif().get(_ORIENTATION, UPRIGHT)
        return noted if noted in range(1, 9) else UPRIGHT
    return UPRIGHT


def upright_rgb(image: "Image.Image", raw: bytes) -> "Image.Image":
    """The picture in 8-bit RGB, upright, on white. Raises RefusedError if it is damaged."""
    from PIL import Image  # noqa: PLC0415 - as above

    try:
        turn = turn_of(image, raw)
        plain = _plain_rgb(image, raw)
    except Exception as error:
        raise RefusedError(damaged()) from error
    if turn == UPRIGHT:
        return plain
    ways = Image.Transpose
    return plain.transpose(
        {
            2: ways.FLIP_LEFT_RIGHT,
            3: ways.ROTATE_180,
            4: ways.FLIP_TOP_BOTTOM,
            5: ways.TRANSPOSE,
            6: ways.ROTATE_270,
            7: ways.TRANSVERSE,
            8: ways.ROTATE_90,
        }[turn]
    )


def as_frame(raw: bytes) -> bytes:
    """A photo as a camera's frame: unchanged if cameras accept it, otherwise converted to JPEG.

    Raises RefusedError for a photo that prepare rejects.
    """
    picture = upright_rgb(opened(raw), raw)
    if not frame_problem(raw):
        return raw
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=100, subsampling=0)
    return packed.getvalue()


def _plain_rgb(image: "Image.Image", raw: bytes) -> "Image.Image":
    """8-bit RGB on white, at the size that ``image.draft`` selected."""
    from PIL import Image  # noqa: PLC0415 - as above

    if frame_problem(raw):
        image.load()
        return _without_transparency(image).convert("RGB")
    # Pillow does not report a damaged scan; the cameras' decoder does, and is no slower.
    return Image.fromarray(stored_pixels(raw, rows=image.height, columns=image.width))


def _without_transparency(image: "Image.Image") -> "Image.Image":
    from PIL import Image  # noqa: PLC0415 - as above

    if image.mode.startswith("I"):
        return _grey(image)
    if image.mode not in _LAYERED and "transparency" not in image.info:
        return image
    layered = image.convert("RGBA")
    ground = Image.new("RGBA", layered.size, "white")
    ground.alpha_composite(layered)
    return ground


def _grey(image: "Image.Image") -> "Image.Image":
    """16-bit grey as 8-bit: Pillow's own conversion would clip everything above 255 to white."""
    from PIL import Image  # noqa: PLC0415 - as above

    deep = np.asarray(image.convert("I"))
    grey = (deep // 257).astype(np.uint8)
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey[deep == clear] = 255
    return Image.fromarray(grey)
