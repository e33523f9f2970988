# SPDX-License-Identifier: Apache-2.0
"""int8 weights whose sums cannot be cut off on processors without VNNI.

Such processors multiply unsigned activations by signed weights in pairs and add each two products
in 16 bits: 255 x 127 x 2 does not fit, and the sum is cut off without any error. The usual cure
(``reduce_range``) halves all weights to 7 bits. But only pairs of large weights of one sign can
overflow, and most channels have none: here each output channel gets the finest scale under which
none of its own pairs can. The median channel loses a third of a bit instead of a whole one.

Measured with qemu-user on MobileNetV2 at 224 px (412 TrashNet photos outside training, a head on
ImageNet features, float 85.0 %; mean difference of a probability from the float file; largest
difference between a Haswell, AVX2 without VNNI, and a processor with VNNI; milliseconds here):

    full signed weights   84.5 %   0.0114   0.098    5.6   answers depend on the processor
    reduce_range          84.2 %   0.0197   0.000    5.6
    unsigned weights      85.2 %   0.0138   0.000   14.1   slower than float
    pair-safe scales      84.7 %   0.0105   0.000    5.6   what is used

On processors with SSE4.2 only (Westmere) all variants differ by rounding of the float stem: 0.1 at
most, mean 0.003, no other answers in 32 photos.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Floats = NDArray[np.float32]

_LARGEST = 127
"""Of a weight, and of two neighbours' sum before rounding, which can add 1 to it: 255 x 128 is
32640, and 32767 fits."""


def safe_scales(weights: Floats) -> Floats:
    """The finest scale of each output channel; ``weights`` has the channels first."""
    rows = weights.reshape(len(weights), -1)
    worst = np.abs(rows).max(axis=1)
    orders = [rows]
    if weights.ndim == 4:
        # onnxruntime lays convolutions out with the channels last where it can.
        orders.append(weights.transpose(0, 2, 3, 1).reshape(len(weights), -1))
    for order in orders:
        even = np.pad(order, ((0, 0), (0, order.shape[1] % 2)))
        pairs = even.reshape(len(order), -1, 2)
        for sign in (1, -1):
            worst = np.maximum(worst, np.maximum(sign * pairs, 0).sum(axis=2).max(axis=1))
    # A channel without weights may have any scale.
    return np.where(worst > 0, worst / _LARGEST, 1.0).astype(np.float32)


def make_pairs_safe(path: Path, source: Path) -> None:
    """Rescale the int8 weights of the quantised file ``path`` from its float ``source``."""
    model = onnx.load(path)
    floats = {item.name: item for item in onnx.load(source).graph.initializer}
    stored = {item.name: item for item in model.graph.initializer}
    makers = {name: node for node in model.graph.node for name in node.output}

    def read(name: str) -> NDArray[Any]:
        return numpy_helper.to_array(stored[name])

    def write(name: str, values: NDArray[Any]) -> None:
        stored[name].CopyFrom(numpy_helper.from_array(values, name))

    done: set[str] = set()
    for node in model.graph.node:
        weights = makers.get(node.input[1]) if node.op_type in {"Conv", "Gemm"} else None
        if weights is None or weights.input[0] in done:
            continue
        name, scale = weights.input[0], weights.input[1]
        exact = numpy_helper.to_array(floats[name.removesuffix("_quantized")])
        if read(name).dtype != np.int8 or read(scale).shape != exact.shape[:1]:
            raise ValueError(
                f"{node.name}: expected int8 weights with one scale per output channel"
            )
        new = safe_scales(exact)
        factor = new / read(scale)
        shape = (-1, *(1,) * (exact.ndim - 1))
        write(name, np.rint(exact / new.reshape(shape)).astype(np.int8))
        write(scale, new)
        # The bias counts in steps of the activation's scale times the weights' scale.
        bias = makers.get(node.input[2]) if len(node.input) > 2 else None
        if bias is not None:
            steps = read(bias.input[0]) / factor
            write(bias.input[0], np.rint(steps).astype(np.int32))
            write(bias.input[1], (read(bias.input[1]) * factor).astype(np.float32))
        done.add(name)
    onnx.checker.check_model(model)
    onnx.save(model, path)
