# SPDX-License-Identifier: Apache-2.0
"""The network, its variations of photos and its way into ONNX."""

from pathlib import Path

import numpy as np
import pytest
import torch

from training.augment import augment
from training.engine import Classifier
from training.export import export_float, quantise
from training.network import Deployed, build

pytestmark = pytest.mark.xdist_group("training")


def pictures(count: int, size: int) -> np.ndarray:
    """Soft random colours, different in every picture."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return coarse.repeat(size // 4, axis=1).repeat(size // 4, axis=2)


def test_photos_are_varied_the_same_way_each_time() -> None:
    one = torch.from_numpy(pictures(1, 40)).expand(6, -1, -1, -1)
    first = augment(one, size=32, generator=torch.Generator().manual_seed(1))
    again = augment(one, size=32, generator=torch.Generator().manual_seed(1))
    assert first.shape == (6, 3, 32, 32)
    assert torch.equal(first, again)
    assert float(first.min()) >= 0
    assert float(first.max()) <= 255
    assert len({picture.numpy().tobytes() for picture in first}) == 6


def test_a_variation_keeps_what_is_in_the_picture() -> None:
    """Crops and flips move a red picture's pixels, they do not turn it blue."""
    red = torch.zeros(16, 40, 40, 3, dtype=torch.uint8)
    red[..., 0] = 200
    varied = augment(red, size=32, generator=torch.Generator().manual_seed(2))
    assert float(varied[:, 0].min()) > 80
    assert float(varied[:, 2].max()) < 80


def test_onnx_answers_as_torch_does(tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = build(4).eval()
    export_float(network, tmp_path / "float.onnx", size=32)
    shown = pictures(8, 32)
    with torch.no_grad():
        expected = torch.cat(
            [Deployed(network).eval()(torch.from_numpy(shown[i : i + 1])) for i in range(8)]
        ).numpy()
    answers = Classifier(tmp_path / "float.onnx").probabilities(shown)
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    assert float(np.ptp(expected, axis=0).max()) > 1e-3, "the pictures get different answers"

    quantise(tmp_path / "float.onnx", tmp_path / "int8.onnx", calibration=shown)
    small = Classifier(tmp_path / "int8.onnx").probabilities(shown)
    assert np.abs(small - expected).max() < 0.05
    sizes = [(tmp_path / name).stat().st_size for name in ("int8.onnx", "float.onnx")]
    assert sizes[0] < 0.35 * sizes[1]
