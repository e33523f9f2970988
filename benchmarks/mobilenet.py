# SPDX-License-Identifier: Apache-2.0
"""MobileNetV2 with random weights: what a camera's model costs, whatever it would answer."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from contracts.model_archive import ModelCard, write_archive

LABELS = ("cardboard", "glass", "metal", "paper", "plastic", "trash")
_BLOCKS: tuple[tuple[int, int, int, int], ...] = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
)
_BLOCKS += ((6, 160, 3, 2), (6, 320, 1, 1))


class _Graph:
    def __init__(self) -> None:
        self.random = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.count = 0

    def add(self, kind: str, inputs: list[str], **attributes: object) -> str:
        self.count += 1
        name = f"v{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, values: np.ndarray) -> str:
        self.count += 1
        self.weights.append(numpy_helper.from_array(values, f"w{self.count}"))
        return f"w{self.count}"

    def conv(  # noqa: PLR0917
        self, value: str, channels: int, out: int, size: int, stride: int = 1, group: int = 1
    ) -> str:
        fan = channels // group * size * size
        kernel = self.random.normal(0, (2 / fan) ** 0.5, (out, channels // group, size, size))
        weights = self.constant(kernel.astype(np.float32))
        bias = self.constant(np.zeros(out, np.float32))
        return self.add(
            "Conv",
            [value, weights, bias],
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[size // 2] * 4,
            group=group,
        )

    def relu6(self, value: str) -> str:
        low, high = self.constant(np.float32(0)), self.constant(np.float32(6))
        return self.add("Clip", [value, low, high])


def write(folder: Path, *, size: int = 224) -> tuple[Path, str]:
    """Write ``model.tar.gz``; its path and digest."""
    content = folder / "content"
    (content / "golden").mkdir(parents=True)
    (content / "model.onnx").write_bytes(_model(size))
    session = onnxruntime.InferenceSession(str(content / "model.onnx"))
    inputs = np.random.default_rng(1).integers(0, 255, (2, size, size, 3)).astype(np.uint8)
    outputs = np.concatenate([session.run(None, {"image": each[None]})[0] for each in inputs])
    np.save(content / "golden/inputs.npy", inputs)
    np.save(content / "golden/outputs.npy", outputs)
    digest = hashlib.sha256((content / "model.onnx").read_bytes()).hexdigest()
    card = ModelCard(
        labels=LABELS,
        width=size,
        height=size,
        input_name="image",
        output_name="probabilities",
        digests={"model": digest, "dataset": "0" * 64, "code": "0" * 64},
        golden_tolerance=0.01,
    )
    (content / "model.json").write_text(card.to_json())
    return folder / "model.tar.gz", write_archive(content, folder / "model.tar.gz")


def _model(size: int) -> bytes:
    graph = _Graph()
    value = graph.add("Cast", ["image"], to=TensorProto.FLOAT)
    value = graph.add("Div", [value, graph.constant(np.float32(127.5))])
    value = graph.add("Sub", [value, graph.constant(np.float32(1))])
    value = graph.add("Transpose", [value], perm=[0, 3, 1, 2])
    value, channels = graph.relu6(graph.conv(value, 3, 32, 3, 2)), 32
    for expansion, out, repeats, first_stride in _BLOCKS:
        for repeat in range(repeats):
            stride, before, wide = (first_stride if repeat == 0 else 1), value, channels * expansion
            if expansion > 1:
                value = graph.relu6(graph.conv(value, channels, wide, 1))
            value = graph.relu6(graph.conv(value, wide, wide, 3, stride, wide))
            value = graph.conv(value, wide, out, 1)
            if stride == 1 and channels == out:
                value = graph.add("Add", [before, value])
            channels = out
    value = graph.relu6(graph.conv(value, channels, 1280, 1))
    value = graph.add("GlobalAveragePool", [value])
    value = graph.add("Flatten", [value])
    head = graph.random.normal(0, 0.03, (1280, len(LABELS))).astype(np.float32)
    value = graph.add("MatMul", [value, graph.constant(head)])
    graph.nodes.append(helper.make_node("Softmax", [value], ["probabilities"], axis=1))
    whole = helper.make_graph(
        graph.nodes,
        "mobilenet",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, size, size, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, len(LABELS)])],
        graph.weights,
    )
    model = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
