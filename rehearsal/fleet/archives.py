# SPDX-License-Identifier: Apache-2.0
"""Archives of models of each kind: pretended ones, or real ones that a camera program can load.

Real ones come from one trained model. A broken one is cut off; one that refuses to load has bytes
that are no model under a right digest; one that answers one class says so with 99 %, whatever it
sees, and repeats its golden outputs. Slow models and those that crash have no archive of their own:
real cameras get a good one, generated cameras behave as if it were slow or crashed.
"""

import hashlib
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from onnx import helper, numpy_helper

from contracts.model_archive import (
    CARD,
    GOLDEN_OUTPUTS,
    MODEL,
    ModelCard,
    unpack_archive,
    write_archive,
)
from rehearsal.fleet.camera_in_memory import BROKEN, ONE_CLASS, REFUSED

REAL_KINDS = f"good, {BROKEN}, {REFUSED}, {ONE_CLASS}"
_SURE = 0.99


def pretended(kind: str, number: int) -> bytes:
    """Bytes that generated cameras take for an archive."""
    return json.dumps({"kind": kind, "number": number, "at": time.time_ns()}).encode()


@dataclass(frozen=True, kw_only=True)
class RealArchives:
    """Archives made of ``trained``, a model.tar.gz. Each call gives another digest."""

    trained: Path

    def __call__(self, kind: str, number: int) -> bytes:
        """The archive of a model of this kind."""
        with TemporaryDirectory() as name:
            folder = Path(name)
            content = folder / "content"
            content.mkdir()
            card = unpack_archive(self.trained, content)
            if kind == REFUSED:
                (content / MODEL).write_bytes(b"no model")
            elif kind == ONE_CLASS:
                _answer_one_class(content, card, number)
            digest = hashlib.sha256((content / MODEL).read_bytes()).hexdigest()
            card = replace(
                card,
                digests={**card.digests, "model": digest},
                created_from={**card.created_from, "rehearsed": f"{kind} {time.time_ns()}"},
            )
            (content / CARD).write_text(card.to_json(), encoding="utf-8")
            archive = folder / "model.tar.gz"
            write_archive(content, archive)
            body = archive.read_bytes()
        return body[: len(body) // 2] if kind == BROKEN else body


def _answer_one_class(content: Path, card: ModelCard, number: int) -> None:
    """Change the model so that it always answers the same, and its golden outputs with it."""
    chosen = np.zeros((1, len(card.labels)), dtype=np.float32)
    chosen[0, number % len(card.labels)] = _SURE
    model = onnx.load(content / MODEL)
    graph = model.graph
    inner = f"{card.output_name}_learned"
    for node in graph.node:
        for at, output in enumerate(node.output):
            if output == card.output_name:
                node.output[at] = inner
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(1 - _SURE, dtype=np.float32), "rehearsed_share"),
            numpy_helper.from_array(chosen, "rehearsed_class"),
        ]
    )
    graph.node.extend(
        [
            helper.make_node("Mul", [inner, "rehearsed_share"], ["rehearsed_rest"]),
            helper.make_node("Add", ["rehearsed_rest", "rehearsed_class"], [card.output_name]),
        ]
    )
    onnx.save(model, content / MODEL)
    golden = np.load(content / GOLDEN_OUTPUTS)
    np.save(content / GOLDEN_OUTPUTS, ((1 - _SURE) * golden + chosen).astype(np.float32))
