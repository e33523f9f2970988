# SPDX-License-Identifier: Apache-2.0
"""The dashboard as its template lays it out. CloudWatch draws the real one; the curves here are
examples, and the picture says so."""

import json
import math
import random
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

TEMPLATE = "tests/synth/snapshots/prod/Insights.json"
_TYPE = "AWS::CloudWatch::Dashboard"
_X, _Y, _GAP, _TOP = 50, 34, 6, 40
_COLOURS = ("#1460be", "#1c7c3c", "#b3261e", "#8a5a00")
_LINES, _CHARACTERS = 6, 50
_STYLE = (
    "text{font-family:system-ui,sans-serif;font-size:12px;fill:#1b1f24}"
    ".title{font-size:13px;font-weight:600}.soft{fill:#5a6370}.head{font-size:17px;font-weight:600}"
)


def widgets(template: Path) -> list[dict[str, Any]]:
    """What the template's dashboard shows: place, size, kind, title and lines of each widget."""
    resources = json.loads(template.read_text())["Resources"]
    bodies = [
        resource["Properties"]["DashboardBody"]
        for resource in resources.values()
        if resource["Type"] == _TYPE
    ]
    return [
        {
            "box": [widget[key] for key in ("x", "y", "width", "height")],
            "type": widget["type"],
            "title": widget.get("properties", {}).get("title", ""),
            "lines": list(_lines(widget)),
        }
        for body in bodies
        for widget in _document(body)["widgets"]
    ]


def draw(template: Path, path: Path) -> None:
    """Write the dashboard of ``template`` as an SVG."""
    found = widgets(template)
    height = _TOP + max(box[1] + box[3] for box in (widget["box"] for widget in found)) * _Y + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {24 * _X} {height}">',
        f"<title>Dashboard</title><style>{_STYLE}</style>",
        '<rect width="100%" height="100%" fill="#eef1f4"/>',
        f'<text class="head" x="12" y="26">CloudWatch dashboard: {len(found)} widgets</text>',
    ]
    for number, widget in enumerate(found):
        parts += _widget(widget, random.Random(number))  # noqa: S311 - a drawing
    parts.append(
        f'<text class="soft" x="12" y="{height - 8}">Drawn from {TEMPLATE}. Layout, titles and '
        "metrics are the template's; curves, rows and states are examples.</text></svg>"
    )
    path.write_text("\n".join(parts) + "\n")


def _document(body: Any) -> Mapping[str, Any]:
    if isinstance(body, str):
        return dict(json.loads(body))
    [inner] = body.values()
    return dict(inner)


def _lines(widget: Mapping[str, Any]) -> Iterator[str]:
    properties = widget.get("properties", {})
    for metric in properties.get("metrics", []):
        options = metric[-1] if isinstance(metric[-1], dict) else {}
        yield str(options.get("label") or options.get("expression") or metric[1])
    for alarm in properties.get("alarms", []):
        name = str(alarm).strip("<>").removesuffix(".Arn")
        # The logical id without the construct that holds all alarms and without its hash.
        yield name.removeprefix("Alerts")[:-8]
    if "query" in properties:
        yield "time, message"


def _widget(widget: Mapping[str, Any], chance: random.Random) -> Iterator[str]:
    x, y, width, height = widget["box"]
    left, top = x * _X + _GAP, _TOP + y * _Y + _GAP
    wide, high = width * _X - 2 * _GAP, height * _Y - 2 * _GAP
    yield (
        f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" rx="6" fill="#fff" '
        'stroke="#d5dae0"/>'
    )
    title = escape(widget["title"][: wide // 7])
    yield f'<text class="title" x="{left + 12}" y="{top + 20}">{title}</text>'
    inside = (left + 12, top + 34, wide - 24, high - 46)
    if widget["type"] == "alarm":
        yield from _alarms(widget["lines"], inside)
    elif widget["type"] == "metric":
        yield from _curves(widget["lines"], inside, chance)
    else:
        yield from _rows(widget["lines"], inside)


def _alarms(lines: list[str], inside: tuple[int, int, int, int]) -> Iterator[str]:
    left, top, wide, high = inside
    rows = max(1, high // 20)
    column = wide // max(1, math.ceil(len(lines) / rows))
    for number, name in enumerate(lines):
        x, y = left + number // rows * column, top + number % rows * 20
        yield f'<rect x="{x}" y="{y}" width="26" height="15" rx="3" fill="#1c7c3c"/>'
        yield f'<text x="{x + 5}" y="{y + 12}" style="fill:#fff">OK</text>'
        yield f'<text x="{x + 32}" y="{y + 12}">{escape(name[: column // 8])}</text>'


def _curves(
    lines: list[str], inside: tuple[int, int, int, int], chance: random.Random
) -> Iterator[str]:
    left, top, wide, high = inside
    shown = lines[:4]
    bottom = top + high - 16 * ((len(shown) + 1) // 2)
    yield f'<path d="M{left} {top}V{bottom}H{left + wide}" fill="none" stroke="#d5dae0"/>'
    for number, name in enumerate(shown):
        colour = _COLOURS[number]
        level, phase = 0.75 / (number + 1), chance.uniform(0, 6)
        points = " ".join(
            f"{left + wide * step / 40:.0f},"
            f"{bottom - (bottom - top) * max(0.02, level + 0.16 * math.sin(step / 4 + phase) + chance.uniform(-0.06, 0.06)):.0f}"  # noqa: E501
            for step in range(41)
        )
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        x, y = left + number % 2 * wide // 2, bottom + 14 + number // 2 * 16
        yield f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>'
        yield f'<text class="soft" x="{x + 15}" y="{y}">{escape(name[: wide // 14])}</text>'


def _rows(lines: list[str], inside: tuple[int, int, int, int]) -> Iterator[str]:
    left, top, wide, _ = inside
    text = escape("   ".join(lines)[:_CHARACTERS])
    yield f'<text class="soft" x="{left}" y="{top + 10}">{text}</text>'
    for row in range(_LINES):
        y = top + 24 + row * 18
        yield f'<rect x="{left}" y="{y}" width="90" height="8" rx="3" fill="#e4e8ec"/>'
        yield (
            f'<rect x="{left + 104}" y="{y}" width="{(wide - 120) * (70 + row * 37 % 30) // 100}" '
            'height="8" rx="3" fill="#e4e8ec"/>'
        )
