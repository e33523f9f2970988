# SPDX-License-Identifier: Apache-2.0
"""Photos as reports show them: small, upright, inside the page."""

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps


def thumbnail(picture: Path | NDArray[np.uint8], *, side: int = 160) -> str:
    """A ``data:`` address of the picture as a JPEG that fits into ``side`` x ``side`` pixels.

    A file is read; an array is [H, W, 3] (RGB) or [H, W] (grey). Small pictures are not enlarged.
    """
    if isinstance(picture, Path):
        with Image.open(picture) as image:
            # JPEG decodes straight to about the wanted size, which is several times quicker.
            image.draft("RGB", (2 * side, 2 * side))
            return _packed(ImageOps.exif_transpose(image), side)
    return _packed(Image.fromarray(picture), side)


def _packed(image: Image.Image, side: int) -> str:
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        image = Image.new("RGBA", layered.size, "white")
        image.alpha_composite(layered)
    small = image.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    packed = io.BytesIO()
    small.save(packed, "JPEG", quality=82, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode()}"
