# SPDX-License-Identifier: Apache-2.0
"""A bin's day as it comes: how many frames, messages and items against the original's procedure."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.camera_rig import camera
from benchmarks.camera_stream import LABELS, Script
from camera.inference_loop import InferenceLoop
from camera.model.engine import Model
from camera.vision.frame_buffer import Frame
from camera.vision.jpeg import encode
from contracts.messages import ModelName

FPS, WIDTH, HEIGHT = 15, 1280, 720
GAP = (90, 210)
"""Empty frames between two items: with the item an item every 11 seconds, a busy bin's day."""


@dataclass(frozen=True)
class Day:
    """What came of it. ``messages`` counts telemetry, at its usual once a minute, too."""

    frames: int
    items: int
    reported: int
    messages: int
    seconds: float


def stream(items: int) -> tuple[list[bytes], list[int], Script]:
    """JPEGs, which item is in each (-1: none), and the script."""
    script = Script(items=items, gap=GAP, pauses=False)
    frames, shown, empty = [], [], _Empty()
    for each in script.frames():
        frames.append(empty.jpeg(script, each.rgb) if each.item < 0 else _large(each.rgb))
        shown.append(each.item)
    return frames, shown, script


def live(archive: Path, frames: list[bytes], shown: list[int], script: Script) -> Day:
    """The whole camera, as fast as it takes the frames, with a classifier that knows the truth.

    It pays for every answer what the real engine costs.
    """
    item_of = {id(jpeg): item for jpeg, item in zip(frames, shown, strict=True) if item >= 0}
    with camera(archive) as (program, publisher):
        truth = _Truth(program.loop, item_of, script)
        model = program.loop.model
        if model is None:
            raise RuntimeError("the camera has no model")
        program.loop.swap(truth.model(model))
        began = time.perf_counter()
        for jpeg in frames:
            program.slot.put_when_free(Frame(jpeg, time.monotonic()), stop=program.stop)
        while program.loop.busy:
            time.sleep(0.005)
        seconds = time.perf_counter() - began
        program.outbox.drain(timeout=5)
        detections = len(publisher.payloads)
    minutes = len(frames) / FPS / 60
    return Day(
        frames=len(frames),
        items=len(script.labels),
        reported=len(truth.reported),
        messages=detections + round(minutes + 0.5),
        seconds=seconds,
    )


class _Truth:
    """Knows which item each frame shows, and remembers those that were reported."""

    def __init__(self, loop: InferenceLoop, item_of: dict[int, int], script: Script) -> None:
        self._script, self._item = script, -1
        self.reported: set[int] = set()
        decide, report, last = loop._decide, loop._report_to, [-1]

        def decided(view: Any) -> None:
            self._item = item_of.get(id(view.frame.jpeg), -1)
            last[0] = self._item if self._item >= 0 else last[0]
            decide(view)

        def reported(*arguments: Any) -> None:
            self.reported.add(last[0])
            report(*arguments)

        loop._decide, loop._report_to = decided, reported  # type: ignore[method-assign]

    def model(self, real: Model) -> Model:
        """The model with its answers replaced by the truth."""
        name = ModelName("0" * 64, "perfect")
        card = replace(real.card, labels=LABELS)
        return replace(real, card=card, name=name, session=_Paid(real.session, self._answer))

    def _answer(self) -> np.ndarray:
        values = np.full(len(LABELS), 0.02, dtype=np.float32)
        if self._item >= 0:
            values[LABELS.index(self._script.labels[self._item])] = 0.9
        return values[None]


@dataclass(frozen=True)
class _Paid:
    """An engine's session whose answers are replaced."""

    session: Any
    answer: Any

    def run(self, outputs: Any, inputs: Any) -> list[np.ndarray]:
        self.session.run(outputs, inputs)
        return [self.answer()]


class _Empty:
    """A few pictures of the empty view in turn, made anew when the light changes."""

    def __init__(self) -> None:
        self._light, self._pictures, self._turn = 0.0, list[bytes](), 0

    def jpeg(self, script: Script, rgb: Any) -> bytes:
        if script.light != self._light:
            self._light, self._pictures = script.light, []
        if len(self._pictures) < 8:
            self._pictures.append(_large(rgb))
            return self._pictures[-1]
        self._turn += 1
        return self._pictures[self._turn % len(self._pictures)]


def _large(rgb: Any) -> bytes:
    return encode(np.asarray(Image.fromarray(rgb).resize((WIDTH, HEIGHT))), subsampling="422")


def observed(payloads: list[tuple[float, bytes]]) -> Iterator[tuple[float, dict[str, Any]]]:
    """When each message was published, and the message."""
    for moment, payload in payloads:
        yield moment, json.loads(payload)
