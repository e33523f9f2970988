# SPDX-License-Identifier: Apache-2.0
"""A real ONNX model small enough to reason about: it tells red, green and blue things apart."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from camera.vision.jpeg import encode
from contracts.cut import Box, CutRule
from contracts.model_archive import ModelCard, write_archive

LABELS = ("glass", "paper", "trash")
COLOURS = {"glass": (210, 30, 30), "paper": (30, 200, 40), "trash": (40, 40, 220)}
SIZE = 32
FLOAT = TensorProto.FLOAT


def photo(label: str, *, width: int = 320, height: int = 240, seed: int = 0) -> bytes:
    """A JPEG with a coloured item on a slightly noisy grey table."""
    random = np.random.default_rng(seed)
    picture = random.integers(120, 136, (height, width, 3)).astype(np.uint8)
    picture[height // 6 : -height // 6, width // 6 : -width // 6] = COLOURS[label]
    return encode(picture)


def empty(*, width: int = 320, height: int = 240) -> bytes:
    """A JPEG of the table alone."""
    return encode(np.full((height, width, 3), 128, dtype=np.uint8))


def view(items: Mapping[str, Box], *, light: float = 1.0, seed: int = 0) -> bytes:
    """A JPEG (320 x 240) of a noisy grey table with things on it, each in a box of its own."""
    random = np.random.default_rng(seed)
    picture = random.normal(128, 3, (240, 320, 3))
    for label, box in items.items():
        colour = COLOURS[label.partition(" ")[0]]
        picture[max(box.top, 0) : box.bottom, max(box.left, 0) : box.right] = colour
    return encode(np.clip(light * picture, 0, 255).astype(np.uint8))


def write_model(  # noqa: PLR0913 - every part of an archive may be wrong
    folder: Path,
    *,
    labels: tuple[str, ...] = LABELS,
    scale: float = 0.1,
    golden_shift: float = 0.0,
    tolerance: float = 0.01,
    dtype: int = TensorProto.UINT8,
    cut: CutRule | None = None,
    flips: bool = False,
) -> tuple[Path, str]:
    """Write ``model.tar.gz`` into a folder; return its path and digest.

    ``scale`` sets how sure the model is (and makes models differ); ``golden_shift`` makes its
    golden outputs wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = folder / "content"
    (content / "golden").mkdir(parents=True, exist_ok=True)
    (content / "model.onnx").write_bytes(_graph(scale=scale, dtype=dtype))
    inputs = np.random.default_rng(7).integers(0, 255, (4, SIZE, SIZE, 3)).astype(np.uint8)
    if dtype == TensorProto.UINT8:
        session = onnxruntime.InferenceSession(str(content / "model.onnx"))
        outputs = np.concatenate(
            [session.run(None, {"image": picture[None]})[0] for picture in inputs]
        )
    else:
        outputs = np.full((4, 3), 1 / 3, dtype=np.float32)
    np.save(content / "golden/inputs.npy", inputs)
    np.save(content / "golden/outputs.npy", (outputs + golden_shift).astype(np.float32))
    card = ModelCard(
        labels=labels,
        width=SIZE,
        height=SIZE,
        input_name="image",
        output_name="probabilities",
        digests={
            "model": hashlib.sha256((content / "model.onnx").read_bytes()).hexdigest(),
            "dataset": "0" * 64,
            "code": "0" * 64,
        },
        golden_tolerance=tolerance,
        cut=cut.to_json() if cut else {},
        flips=flips,
    )
    (content / "model.json").write_text(card.to_json())
    archive = folder / "model.tar.gz"
    return archive, write_archive(content, archive)


def _graph(*, scale: float, dtype: int) -> bytes:
    """Mean of each colour channel, times ``scale``, softmax."""
    cast = helper.make_node("Cast", ["image"], ["real"], to=TensorProto.FLOAT)
    mean = helper.make_node("ReduceMean", ["real"], ["means"], axes=[1, 2], keepdims=0)
    sure = helper.make_node("Mul", ["means", "scale"], ["scores"])
    softmax = helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1)
    graph = helper.make_graph(
        [cast, mean, sure, softmax],
        "tiny",
        [helper.make_tensor_value_info("image", dtype, [1, SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 3])],
        [numpy_helper.from_array(np.array(scale, dtype=np.float32), "scale")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
