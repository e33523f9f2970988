# SPDX-License-Identifier: Apache-2.0
"""Plays the scripted stream to the camera and counts which items it reported."""

import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.camera_setting import model_from, settings_in
from benchmarks.camera_stream import LABELS, Script
from camera.inference_loop import InferenceLoop
from camera.program import Program
from camera.vision.frame_buffer import Frame
from camera.vision.jpeg import encode
from contracts.cut import CutRule
from contracts.messages import ModelName


@dataclass
class Score:
    """How a stream was read. A report is right if its item was in view since the last one."""

    items: int
    reports: int
    right: int
    classes_right: int
    frames: int
    missed: list[str]
    doubled: list[str]

    @property
    def precision(self) -> float:
        return self.right / max(self.reports, 1)

    @property
    def recall(self) -> float:
        return self.right / max(self.items, 1)


def play(
    archive: Path,
    *,
    items: int,
    photos: Path | None,
    perfect: bool,
    seed: int = 1,
    hard: bool = False,
    cut: CutRule | None = None,
) -> Score:
    """Play the stream, frame by frame. ``perfect``: a classifier that is told the truth.

    It still errs where a classifier must: on frames that show no item, or a moving one. ``hard``:
    see ``Script``. ``cut``: for a model that has none of its own.
    """
    script = Script(items=items, seed=seed, photos=photos, hard=hard)
    truth = {"item": -1, "last": -1}
    reported: list[tuple[int, str]] = []
    with tempfile.TemporaryDirectory() as scratch:
        program = Program(settings_in(Path(scratch)), publisher=_Nowhere())
        loop: InferenceLoop = program.loop
        model = model_from(archive, Path(scratch))
        if perfect:
            card = replace(model.card, labels=LABELS)
            oracle = _Oracle(script, truth)
            model = replace(model, card=card, session=oracle, name=ModelName("0" * 64, "perfect"))
        if cut is not None:
            model = replace(model, cut=cut)
        loop.swap(model)
        loop._report_to = lambda decision, used, view: reported.append(
            (
                truth["item"] if truth["item"] >= 0 else truth["last"],
                used.card.labels[decision.label],
            )
        )
        frames = 0
        for shown in script.frames():
            truth["item"] = shown.item
            if shown.item >= 0:
                truth["last"] = shown.item
            loop.process(Frame(jpeg=encode(shown.rgb), captured_at=time.monotonic()))
            frames += 1
    counts = Counter(number for number, _ in reported)
    right = {number for number, _ in reported}
    labels = dict(reversed(reported))
    return Score(
        items=len(script.labels),
        reports=len(reported),
        right=len(right),
        classes_right=sum(script.labels[number] == label for number, label in labels.items()),
        frames=frames,
        missed=sorted(script.kinds[number] for number in set(range(len(script.kinds))) - right),
        doubled=sorted(script.kinds[n] for n, count in counts.items() if count > 1),
    )


class _Nowhere:
    def publish(self, topic: str, payload: bytes) -> None:
        """Nothing is sent."""


class _Oracle:
    """Stands in for onnxruntime's session: knows the script's truth."""

    def __init__(self, script: Script, truth: dict[str, int]) -> None:
        self._script, self._truth = script, truth
        self._random = np.random.default_rng(5)

    def run(self, _outputs: object, _inputs: object) -> list[np.ndarray]:
        item = self._truth["item"]
        values = self._random.dirichlet(np.ones(len(LABELS)))
        if item >= 0:
            values = 0.1 * values
            values[LABELS.index(self._script.labels[item])] += 0.9
        return [values[None].astype(np.float32)]
