# SPDX-License-Identifier: Apache-2.0
"""Drawings for reports: matplotlib's, inline, in the colours of the page by day and by night."""

import hashlib
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1b1f24"
SOFT = "#5a6370"
LINE = "#d5dae0"
SERIES = ("#1460be", "#b85c00", "#1c7c3c", "#8a3ab9", "#b3261e", "#00798c", "#7a6a00", "#5a626e")
"""Colours that most people can distinguish on both backgrounds; the page has a light and a dark
form."""

_COLOURS = {INK: "--ink", SOFT: "--soft", LINE: "--line"} | {
    colour: f"--series-{number}" for number, colour in enumerate(SERIES, start=1)
}
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "binsight",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "lines.linewidth": 2,
}


def chart(
    draw: Callable[["Axes"], None], *, alt: str, width: float = 6.4, height: float = 3.2
) -> Markup:
    """What ``draw`` draws on a pair of axes, as an SVG that goes into a page as it is.

    ``alt`` says in words what the drawing shows. Sizes are inches at 72 dots; the page scales the
    drawing down where it is wider than the screen. Use ``INK``, ``SOFT`` and ``SERIES`` as colours:
    they follow the page's light and dark form. The same drawing gives the same bytes.
    """
    if not alt.strip():
        raise ValueError("alt is empty; describe in words what the drawing shows")
    # Half a second of import, which programs that draw nothing need not wait for.
    import matplotlib as mpl  # noqa: PLC0415
    from cycler import cycler  # noqa: PLC0415
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context({**_STYLE, "axes.prop_cycle": cycler(color=SERIES)}):
        figure = Figure(figsize=(width, height), layout="constrained")
        canvas = FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        packed = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        # Straight to SVG: savefig would lay everything out twice.
        canvas.print_svg(packed, metadata=nothing)  # type: ignore[no-untyped-call]
    return Markup(_inline(packed.getvalue(), alt))  # noqa: S704 - matplotlib escapes its texts


def _inline(svg: str, alt: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    # A page has several drawings, and an id may occur once.
    own = "c" + hashlib.sha256(f"{alt}{svg}".encode()).hexdigest()[:8]
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{own}-", svg)
    for colour, name in _COLOURS.items():
        svg = svg.replace(colour, f"var({name},{colour})")
    opening = svg[: svg.index(">")]
    sizes = re.sub(r'\b(width|height)="([0-9.]+)pt"', r'\1="\2"', opening)
    described = f'{sizes} class="chart" role="img" aria-label="{escape(alt)}"'
    return described + svg[len(opening) :]
