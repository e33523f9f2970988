# SPDX-License-Identifier: Apache-2.0
"""The steps under the SageMaker contract: what is evaluated is what will be deployed."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest

from contracts.model_archive import MEMBERS, file_digest, unpack_archive
from tests.training.conftest import Run
from tests.training.steps import HYPERPARAMETERS, ROOT, environment, run_step
from training.classifier import Classifier
from training.data import load, read_dataset
from training.evaluate import evaluate
from training.sagemaker_job import StepError

# One worker runs all of these, so that the session's run is made once.
pytestmark = pytest.mark.xdist_group("training")


def test_the_archive_unpacks_and_repeats_its_golden_answers(
    sagemaker_run: Run, tmp_path: Path
) -> None:
    card = unpack_archive(sagemaker_run.archive, tmp_path)
    assert card.labels == ("compost", "landfill", "recycling")
    assert (card.width, card.height) == (32, 32)
    inputs = np.load(tmp_path / "golden/inputs.npy", allow_pickle=False)
    expected = np.load(tmp_path / "golden/outputs.npy", allow_pickle=False)
    assert inputs.shape[1:] == (32, 32, 3)
    assert inputs.dtype == np.uint8
    answers = Classifier(tmp_path / "model.onnx").probabilities(inputs)
    assert np.abs(answers - expected).max() <= card.golden_tolerance
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-5)
    assert len({row.tobytes() for row in inputs}) == len(inputs) >= 3


def test_the_evaluated_file_is_the_deployed_file(sagemaker_run: Run, tmp_path: Path) -> None:
    card = unpack_archive(sagemaker_run.archive, tmp_path)
    trained = sagemaker_run.train / "model"
    own = sagemaker_run.evaluation["binsight"]
    assert (tmp_path / "model.onnx").read_bytes() == (trained / "model.onnx").read_bytes()
    assert own["model_digest"] == file_digest(tmp_path / "model.onnx") == card.digests["model"]
    assert own["archive_digest"] == file_digest(sagemaker_run.archive)
    dataset = json.loads((sagemaker_run.prepared / "dataset.json").read_text())
    assert own["dataset_digest"] == card.digests["dataset"] == dataset["digest"]
    assert own["code_digest"] == card.digests["code"]
    for name in MEMBERS:
        if name != "model.json":
            assert (tmp_path / name).read_bytes() == (trained / name).read_bytes()


def test_the_figures_are_those_of_the_deployed_file_on_the_test_photos(
    sagemaker_run: Run, tmp_path: Path
) -> None:
    card = unpack_archive(sagemaker_run.archive, tmp_path)
    test = load(sagemaker_run.prepared, "test", card.labels, size=32)
    answers = Classifier(tmp_path / "model.onnx").probabilities(test.pixels).argmax(axis=1)
    accuracy = float(np.mean(answers == test.labels))
    metrics = sagemaker_run.evaluation["multiclass_classification_metrics"]
    assert metrics["accuracy"]["value"] == pytest.approx(accuracy)
    assert card.metrics["test"]["accuracy"] == pytest.approx(accuracy)
    assert sagemaker_run.evaluation["binsight"]["test_photos"] == len(test.labels) == 6
    assert f"test_accuracy={accuracy:.4f}" in sagemaker_run.printed["evaluate"]


def test_hyperparameters_come_from_the_job(sagemaker_run: Run, tmp_path: Path) -> None:
    used = unpack_archive(sagemaker_run.archive, tmp_path).created_from["hyperparameters"]
    assert used["epochs"] == int(HYPERPARAMETERS["epochs"])
    assert used["image_size"] == int(HYPERPARAMETERS["image-size"])
    assert used["seed"] == int(HYPERPARAMETERS["seed"])


def test_progress_lines_fit_the_metric_definitions(sagemaker_run: Run) -> None:
    printed = sagemaker_run.printed["train"]
    for name in ("train_loss", "validation_loss", "validation_accuracy"):
        values = re.findall(rf"^epoch=.*\b{name}=([0-9.]+)", printed, re.MULTILINE)
        assert len(values) == 2, name
        assert all(0 <= float(value) < 20 for value in values)


def test_the_graph_is_what_cameras_expect(sagemaker_run: Run, tmp_path: Path) -> None:
    card = unpack_archive(sagemaker_run.archive, tmp_path)
    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model)
    assert next(item.version for item in model.opset_import if item.domain == "") == 17
    picture, answer = model.graph.input[0], model.graph.output[0]
    assert len(model.graph.input) == len(model.graph.output) == 1
    assert (picture.name, answer.name) == (card.input_name, card.output_name)
    shape = [item.dim_value for item in picture.type.tensor_type.shape.dim]
    assert shape == [1, 32, 32, 3]
    assert picture.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert answer.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    # int8 but for the stem: its weights are float, all other convolutions read int8 weights.
    producers = {name: node for node in model.graph.node for name in node.output}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    in_float = [node.name for node in convolutions if node.input[1] not in producers]
    assert len(convolutions) == 13
    assert len(in_float) == 1
    assert "/stem/" in in_float[0]
    scales = {item.name: item for item in model.graph.initializer}
    dequantised = producers[convolutions[-1].input[1]]
    assert dequantised.op_type == "DequantizeLinear"
    assert scales[dequantised.input[1]].dims[0] > 1, "one scale per output channel"


def test_a_laptop_makes_the_same_archive(sagemaker_run: Run, tmp_path: Path) -> None:
    """Same photos, same seed, same machine: the same bytes, whoever starts the steps."""
    options = [f"--{name}={value}" for name, value in HYPERPARAMETERS.items()]
    dataset = sagemaker_run.prepare / "processing/input/dataset"
    done = run_step("training/local.py", f"--dataset={dataset}", f"--out={tmp_path}", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    archive = tmp_path / "model.tar.gz"
    assert f"model: {archive}" in done.stdout
    assert archive.read_bytes() == sagemaker_run.archive.read_bytes()
    found, expected = (
        json.loads((tmp_path / "evaluation.json").read_text()),
        sagemaker_run.evaluation,
    )
    for document in (found, expected):
        del document["binsight"]["latency"]  # the clock is not reproducible; all else is
    assert found == expected


def test_a_model_of_other_photos_is_not_evaluated(sagemaker_run: Run, tmp_path: Path) -> None:
    other = shutil.copytree(sagemaker_run.prepared, tmp_path / "prepared")
    document = json.loads((other / "dataset.json").read_text())
    for key, value, message in (
        ("digest", "0" * 64, "test photos may have been seen"),
        ("classes", ["glass", "metal"], "the prepared photos are of glass, metal"),
    ):
        (other / "dataset.json").write_text(json.dumps({**document, key: value}))
        with pytest.raises(StepError, match=message):
            evaluate(sagemaker_run.archive, other, evaluation=tmp_path / "e", output=tmp_path / "o")
        assert list((tmp_path / "e").iterdir()) == list((tmp_path / "o").iterdir()) == []


def test_half_a_model_is_not_evaluated(sagemaker_run: Run, tmp_path: Path) -> None:
    whole = sagemaker_run.archive.read_bytes()
    (tmp_path / "model.tar.gz").write_bytes(whole[: len(whole) // 2])
    done = run_step(
        "-m",
        "training.evaluate",
        *("--model", str(tmp_path), "--prepared", str(sagemaker_run.prepared)),
        *("--evaluation", str(tmp_path / "e"), "--output", str(tmp_path / "o")),
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: model.tar.gz: damaged archive"), done.stderr


def test_train_refuses_a_half_prepared_folder(sagemaker_run: Run, tmp_path: Path) -> None:
    half = shutil.copytree(sagemaker_run.prepared, tmp_path / "prepared")
    lost = next((half / "test" / "compost").iterdir())
    lost.unlink()
    with pytest.raises(StepError, match=r"test/compost: 1 photos; dataset\.json says 2"):
        read_dataset(half)
    (half / "dataset.json").unlink()
    done = run_step(
        "-m", "training.train", "--prepared", str(half), "--model-dir", str(tmp_path / "model")
    )
    assert done.returncode == 1
    expected = f"error: {half}: dataset.json is missing: prepare did not run or was interrupted\n"
    assert done.stderr == expected


def test_sigterm_leaves_no_model_and_says_so(sagemaker_run: Run, tmp_path: Path) -> None:
    model, output = tmp_path / "model", tmp_path / "output"
    shutil.copytree(sagemaker_run.train / "model", model)  # an earlier run's result
    output.mkdir()
    (tmp_path / "checkpoints").mkdir()
    command = [sys.executable, "-m", "training.train", "--prepared", str(sagemaker_run.prepared)]
    process = subprocess.Popen(
        [*command, "--network", "compact", "--epochs", "500", "--image-size", "32"],
        cwd=ROOT,
        env=environment(SM_MODEL_DIR=str(model), SAGEMAKER_BASE_DIR=str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        assert any(line.startswith("epoch=1/500") for line in lines)
        started = time.monotonic()
        for _ in range(5):  # close together: only the first one counts
            process.send_signal(signal.SIGTERM)
            time.sleep(0.02)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert time.monotonic() - started < 10
    assert process.returncode == 143
    assert errors == "error: stopped by SIGTERM; nothing was left as a result\n"
    assert (output / "failure").read_text() == "stopped by SIGTERM; nothing was left as a result"
    assert [path for path in model.rglob("*") if path.is_file()] == []
    # What it knew by then is kept for the next attempt.
    assert list((tmp_path / "checkpoints").glob("*-stage1-step*/checkpoint.json"))
