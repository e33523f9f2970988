# SPDX-License-Identifier: Apache-2.0
"""Fills the templates of reports, embeds their pictures, writes a page whole or not at all."""

import base64
import functools
import io
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from contracts.atomic_file import write_file

_TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(template: str, **context: Any) -> str:
    """The page that ``templates/<template>`` makes of ``context``.

    Text is escaped: a file name is shown, never run. A name missing in the context is an error, so
    that no report is silently incomplete.
    """
    page = _environment().get_template(template).render(**context)
    # Templates leave blank lines where a block says nothing.
    return "\n".join(line.rstrip() for line in page.splitlines() if line.strip()) + "\n"


def write(path: Path, html: str) -> None:
    """Write a page under its name only when all of it is on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, html, durable=True)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    environment.filters["thousands"] = thousands
    environment.filters["size"] = size
    return environment


def percent(share: float, digits: int = 1) -> str:
    """0.9153 -> 91.5 %."""
    return f"{100 * share:.{digits}f}\N{NARROW NO-BREAK SPACE}%"


def thousands(number: int) -> str:
    """12345 -> 12 345, in a form that no line break tears apart."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def size(count: int) -> str:
    """Bytes as a person reads them."""
    if count < 1000:
        return f"{count}\N{NARROW NO-BREAK SPACE}B"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.5 or unit == "GB":
            break
    return f"{value:.3g}\N{NARROW NO-BREAK SPACE}{unit}"


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
