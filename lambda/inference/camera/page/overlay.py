# SPDX-License-Identifier: Apache-2.0
"""The project stream: a small copy of a frame with the camera's answer."""

import numpy as np

from camera.inference_loop import FrameResult
from camera.page import bitmap_font
from camera.vision.jpeg import encode, small_copy
from contracts.bins import NEUTRAL, BinPolicy
from contracts.empty_view import box_of
from contracts.preprocessing import Pixels

_IDENTIFY = (255, 200, 0)
_ROWS, _LEAST_ROWS = 360, 240
_QUALITY = 75


def annotated(seen: FrameResult, *, bins: BinPolicy, last: str, identify: bool) -> bytes:
    """A JPEG of the frame with class, bin, confidence and state. Raises BadFrameError.

    ``last`` is the decided class of the item in view, if there is one.
    """
    decoded = seen.view.picture
    if decoded is None or not _LEAST_ROWS <= decoded.shape[0] <= 2 * _ROWS:
        decoded = small_copy(seen.view.frame.jpeg, rows=_ROWS)
    rgb = np.array(decoded)
    if (larger := _LEAST_ROWS // rgb.shape[0]) > 1:
        # Letters have a fixed size and would not fit into a tiny picture.
        rgb = rgb.repeat(larger, axis=0).repeat(larger, axis=1)
    words, colour = _words(seen, bins=bins, last=last)
    if seen.view.presence.present:
        _frame(rgb, seen, colour)
    write_line(rgb, words, colour)
    if identify:
        thick = max(rgb.shape[0] // 30, 4)
        rgb[:thick] = rgb[-thick:] = _IDENTIFY
        rgb[:, :thick] = rgb[:, -thick:] = _IDENTIFY
    return encode(rgb, quality=_QUALITY, subsampling="420")


def _words(seen: FrameResult, *, bins: BinPolicy, last: str) -> tuple[str, tuple[int, int, int]]:
    model = seen.view.model
    if model is None:
        return "no model yet", NEUTRAL
    if not seen.view.presence.present:
        return "nothing in view", NEUTRAL
    if seen.probabilities is not None and seen.undecided:
        item = bins.sort(model.card.labels, seen.probabilities.tolist())
        words = f"{item.class_name} {item.confidence:.0%} > {item.bin}? ({seen.frames})"
        return words, bins.colour(item.bin)
    if last:
        name, _, bin_ = last.partition("\n")
        return f"{name} > {bin_}", bins.colour(bin_)
    return "looking", NEUTRAL


def _frame(rgb: Pixels, seen: FrameResult, colour: tuple[int, int, int]) -> None:
    """A rectangle around the model's region, else around what differs from the empty view."""
    view = seen.view
    cells = view.presence.cells if view.cells is None else view.cells
    box = view.region or box_of(cells, columns=view.columns, rows=view.rows)
    if box is None:
        return
    height, width = rgb.shape[:2]
    top, bottom = box.top * height // view.rows, box.bottom * height // view.rows
    left, right = box.left * width // view.columns, box.right * width // view.columns
    thick = max(height // 120, 2)
    for edge in (slice(top, top + thick), slice(max(bottom - thick, 0), bottom)):
        rgb[edge, left:right] = colour
    for edge in (slice(left, left + thick), slice(max(right - thick, 0), right)):
        rgb[top:bottom, edge] = colour


def write_line(rgb: Pixels, words: str, colour: tuple[int, int, int]) -> None:
    """A line of white text on a bar at the bottom."""
    height, width = rgb.shape[:2]
    size = max(min(height // 90, width // (bitmap_font.WIDTH * max(len(words), 1))), 1)
    dots = np.kron(bitmap_font.line(words), np.ones((size, size), dtype=bool))[
        :, : width - 2 * size
    ]
    bar = dots.shape[0] + 4 * size
    if bar > height or dots.shape[1] <= 0:
        return
    rgb[height - bar :] = colour
    text = rgb[height - bar + 2 * size : height - 2 * size, 2 * size : 2 * size + dots.shape[1]]
    text[dots] = (255, 255, 255)
