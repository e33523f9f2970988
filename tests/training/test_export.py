# SPDX-License-Identifier: Apache-2.0
"""Every network becomes an ONNX file that answers as torch does, and an int8 file of it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from contracts.model_archive import REFERENCE, ArchiveError, unpack_archive, write_archive
from training.classifier import Classifier
from training.data import Part
from training.evaluation.calibration import tempered
from training.networks import build
from training.packaging.export import OPSET, check_parity, export_float, fold_temperature
from training.packaging.int8_scaling import safe_scales
from training.packaging.model_archive import Origin, clear, package
from training.packaging.provenance import fingerprint, unpack_fingerprints
from training.packaging.quantise import calibration_pictures, quantise
from training.sagemaker_job import StepError

pytestmark = pytest.mark.xdist_group("training")
SIZE = 64


def pictures(count: int) -> np.ndarray:
    """Soft random colours, different in every picture."""
    coarse = np.random.default_rng(7).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return coarse.repeat(SIZE // 8, axis=1).repeat(SIZE // 8, axis=2)


def network(name: str = "compact", *, seed: int = 3) -> torch.nn.Module:
    torch.manual_seed(seed)
    return build(name, 4).eval()


@pytest.mark.parametrize("name", ["compact", "mobilenet_v2", "resnet"])
def test_every_network_is_exported_and_quantised(name: str, tmp_path: Path) -> None:
    made, shown = network(name), pictures(6)
    export_float(made, tmp_path / "float.onnx", size=SIZE)
    assert check_parity(made, tmp_path / "float.onnx", shown) < 1e-4
    exported = onnx.load(tmp_path / "float.onnx")
    assert [(item.domain, item.version) for item in exported.opset_import] == [("", OPSET)]
    assert not [node for node in exported.graph.node if node.op_type in {"Pad", "Constant"}]

    quantise(
        tmp_path / "float.onnx",
        tmp_path / "int8.onnx",
        calibration=shown,
        float_modules=made.float_modules,
    )
    quantised = onnx.load(tmp_path / "int8.onnx")
    producers = {name: node for node in quantised.graph.node for name in node.output}
    convolutions = [node for node in quantised.graph.node if node.op_type == "Conv"]
    stems = tuple(
        f"network/{module.replace('.', '/')}/" for module in cast(Any, made.float_modules)
    )
    for node in convolutions:
        weights = producers.get(node.input[1])
        in_float = any(stem in node.name for stem in stems)
        assert (weights is None) == in_float, f"{node.name}: only the stem is in float"
        if weights is not None:
            initial = {item.name: item for item in quantised.graph.initializer}
            assert weights.op_type == "DequantizeLinear"
            assert initial[weights.input[1]].dims == initial[weights.input[0]].dims[:1]
            row = numpy_helper.to_array(initial[weights.input[0]]).astype(int)
            row = row.reshape(len(row), -1)
            pairs = row[:, : row.shape[1] // 2 * 2].reshape(len(row), -1, 2)
            sums = [np.maximum(sign * pairs, 0).sum(axis=2).max(initial=0) for sign in (1, -1)]
            assert 255 * max(sums) <= 32767, f"{node.name}: two products overflow 16 bits"
    assert 0 < sum(producers.get(node.input[1]) is None for node in convolutions) <= 4
    small = Classifier(tmp_path / "int8.onnx").probabilities(shown)
    large = Classifier(tmp_path / "float.onnx").probabilities(shown)
    assert np.abs(small - large).max() < 0.1


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), inputs=st.integers(1, 9), side=st.sampled_from([1, 3]))
def test_no_pair_of_weights_overflows_and_no_bit_is_wasted(
    seed: int, inputs: int, side: int
) -> None:
    weights = np.random.default_rng(seed).standard_t(3, (5, inputs, side, side)).astype(np.float32)
    scales = safe_scales(weights)
    steps = np.rint(weights / scales[:, None, None, None]).astype(int)
    assert np.abs(steps).max() <= 127
    for order in (steps, steps.transpose(0, 2, 3, 1)):
        row = order.reshape(5, -1)
        pairs = np.pad(row, ((0, 0), (0, row.shape[1] % 2))).reshape(5, -1, 2)
        # What a processor without VNNI adds in 16 bits, at the largest activations.
        assert (255 * np.maximum(pairs, 0).sum(axis=2)).max() <= 32767
        assert (255 * np.minimum(pairs, 0).sum(axis=2)).min() >= -32768
    # Between full scale and what reduce_range would give.
    finest = np.abs(weights).reshape(5, -1).max(axis=1) / 127
    assert (scales >= finest * 0.999).all()
    assert (scales <= 2 * finest * 1.001).all()


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    export_float(network(), tmp_path / "float.onnx", size=SIZE)
    other = network(seed=4)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(2)
    with pytest.raises(StepError, match=r"ONNX file and torch differ by .*; allowed: 0\.001"):
        check_parity(other, tmp_path / "float.onnx", pictures(2))


def test_the_temperature_is_inside_the_graph(tmp_path: Path) -> None:
    path, shown = tmp_path / "float.onnx", pictures(4)
    export_float(network(), path, size=SIZE)
    before = Classifier(path).probabilities(shown)
    fold_temperature(path, 0.25)
    after = Classifier(path).probabilities(shown)
    np.testing.assert_allclose(after, tempered(before, 0.25), atol=1e-5)
    assert np.abs(after - before).max() > 0.01
    with pytest.raises(ValueError, match="without temperature"):
        fold_temperature(path, 0.5)


def test_calibration_sees_other_light_and_sides() -> None:
    shown = pictures(12)
    varied = calibration_pictures(shown)
    assert varied.dtype == np.uint8
    assert len(varied) == 18
    np.testing.assert_array_equal(varied[:12], shown)
    np.testing.assert_array_equal(varied[12], shown[0][:, ::-1])
    assert varied[14:16].mean() < shown[1::6].mean() < 255 * 0.99
    assert varied[16:].mean() > shown[2::6].mean()


def _origin(folder: Path | None = None, *, loss: float = 100.0, policy: str = "fail") -> Origin:
    settings = SimpleNamespace(
        image_size=SIZE, int8_loss=loss, int8_policy=policy, to_json=lambda: {"epochs": 1}
    )
    dataset = {"classes": ["a", "b", "c", "d"], "digest": "d" * 64}
    return Origin(dataset=dataset, settings=settings, epoch=1, prepared=folder)


def _part(labels: np.ndarray) -> Part:
    return Part(pictures(len(labels)), labels, tuple(f"x/{i}.jpg" for i in range(len(labels))))


def test_the_card_says_how_the_model_was_made_and_calibrated(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        (tmp_path / "prepared" / split / "a").mkdir(parents=True)
        (tmp_path / f"prepared/{split}/a/1.jpg").write_bytes(split.encode())
    part = _part(np.arange(12) % 4)
    card = package(
        network(),
        tmp_path / "model",
        calibration=part,
        validation=part,
        origin=_origin(tmp_path / "prepared"),
    )
    assert card.precision == "int8"
    assert set(card.calibration) >= {"temperature", "ece_before", "ece_after", "unsure_below"}
    assert card.statistics["photos"] == 12
    assert 0 < card.statistics["brightness"]["mean"] < 255
    assert 0 < card.statistics["confidence"]["quantiles"]["0.5"] <= 1
    assert card.metrics["validation"]["torch_parity"] < 1e-4
    seen = unpack_fingerprints(card.seen)
    assert seen == {
        fingerprint(tmp_path / f"prepared/{split}/a/1.jpg") for split in ("train", "validation")
    }
    write_archive(tmp_path / "model", tmp_path / "with.tar.gz", extra={REFERENCE})
    (tmp_path / "out").mkdir()
    with pytest.raises(ArchiveError, match=r"unexpected member 'reference/float\.onnx'"):
        unpack_archive(tmp_path / "with.tar.gz", tmp_path / "out")
    assert unpack_archive(tmp_path / "with.tar.gz", tmp_path / "out", extra={REFERENCE}) == card
    clear(tmp_path / "model")
    assert [path for path in (tmp_path / "model").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("policy", ["ship-float", "fail"])
def test_int8_that_loses_too_much_is_said_and_the_setting_done(
    policy: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, other, shown = network(), network(seed=5), pictures(12)
    export_float(made, tmp_path / "float.onnx", size=SIZE)
    labels = Classifier(tmp_path / "float.onnx").probabilities(shown).argmax(axis=1)
    part = Part(shown, labels.astype(np.int64), tuple(str(i) for i in range(12)))
    with torch.no_grad():
        head: Any = other.get_submodule("network.head.1")
        head.bias[labels[0]] -= 50

    def spoilt(_source: Path, path: Path, **_options: object) -> None:
        """An int8 file that never gives the right answer."""
        export_float(other, path, size=SIZE)

    monkeypatch.setattr("training.packaging.model_archive.quantise", spoilt)
    origin = _origin(loss=1.0, policy=policy)
    arguments = {"calibration": part, "validation": part, "origin": origin}
    if policy == "fail":
        with pytest.raises(StepError, match=r"int8 loses .* points .*; int8-loss allows 1"):
            package(made, tmp_path / "model", **arguments)
        assert not (tmp_path / "model").exists()
        return
    card = package(made, tmp_path / "model", **arguments)
    assert "WARNING: int8 loses" in capsys.readouterr().out
    assert card.precision == "float32"
    assert card.metrics["validation"]["accuracy"] == 1.0
    assert card.metrics["validation"]["int8_points_lost"] > 1
    answers = Classifier(tmp_path / "model/model.onnx").probabilities(shown)
    assert (answers.argmax(axis=1) == labels).all()
