# SPDX-License-Identifier: Apache-2.0
"""A wrong hyperparameter is named before any data is read."""

import argparse
import json
from pathlib import Path

import pytest

from tests.training.steps import run_step
from training import sagemaker_job
from training.hyperparameters import Hyperparameters, add_arguments


def test_text_values_are_read() -> None:
    settings = Hyperparameters.parse({"epochs": "3", "learning_rate": "1e-3"})
    assert settings == Hyperparameters(epochs=3, learning_rate=0.001)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": "0"}, "hyperparameter epochs = 0; allowed: whole numbers from 1 to 500"),
        ({"epochs": "ten"}, "hyperparameter epochs = 'ten'; allowed: whole numbers from 1 to 500"),
        ({"epochs": "2.5"}, "hyperparameter epochs = '2.5'; allowed: whole numbers"),
        ({"image_size": "100"}, "hyperparameter image-size = 100; allowed: a multiple of 32"),
        ({"learning_rate": "nan"}, "hyperparameter learning-rate = nan; allowed: numbers from"),
        ({"learning_rate": "2"}, "hyperparameter learning-rate = 2.0; allowed: numbers from"),
        (
            {"network": "vgg"},
            "hyperparameter network = 'vgg'; allowed: mobilenet_v2, resnet, compact",
        ),
        ({"int8_policy": "hope"}, "hyperparameter int8-policy = 'hope'; allowed: ship-float, fail"),
        ({"class_weights": "2"}, "hyperparameter class-weights = 2.0; allowed: numbers from 0.0"),
        ({"mixup": "inf"}, "hyperparameter mixup = inf; allowed: numbers from 0.0 to 5.0"),
        ({"patience": "-1"}, "hyperparameter patience = -1; allowed: whole numbers from 0 to 500"),
        ({"momentum": "0.9"}, "hyperparameter 'momentum' is unknown; allowed: network, "),
    ],
)
def test_wrong_ones_are_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(sagemaker_job.StepError) as error:
        Hyperparameters.parse(given)
    assert message in str(error.value)


def test_the_recipe_fills_what_is_not_given() -> None:
    fine = Hyperparameters.parse({"weights": "owner/name", "epochs": "", "image_size": "auto"})
    assert (fine.network, fine.epochs, fine.image_size, fine.batch_size) == (
        *("mobilenet_v2", 24, 224, 32),
    )
    scratch = Hyperparameters(network="compact")
    assert (scratch.image_size, scratch.mixup) == (96, 0.0)
    assert scratch.learning_rate > fine.learning_rate
    assert [stage.size for stage in fine.plan] == [160, 224]
    assert Hyperparameters(**fine.to_json()) == fine


def test_every_option_is_told(capsys: pytest.CaptureFixture) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--help"])
    told = capsys.readouterr().out
    for name in Hyperparameters().to_json():
        assert f"--{name.replace('_', '-')} V" in told


def test_sagemakers_spelling(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Everything is text; the SDK adds quotes and names of its own."""
    values = {"image-size": "64", "epochs": '"5"', "sagemaker_region": '"eu-west-1"'}
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.delenv("SM_HPS", raising=False)
    assert sagemaker_job.hyperparameters() == {}
    (tmp_path / "input" / "config").mkdir(parents=True)
    (tmp_path / "input" / "config" / "hyperparameters.json").write_text(json.dumps(values))
    assert sagemaker_job.hyperparameters() == {"image_size": "64", "epochs": "5"}
    monkeypatch.setenv("SM_HPS", "{")
    with pytest.raises(sagemaker_job.StepError, match="SM_HPS: not JSON"):
        sagemaker_job.hyperparameters()


def test_checked_before_the_data(tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    done = run_step("-m", "training.train", "--prepared", missing, "--epochs", "9999")
    assert done.returncode == 1
    assert done.stderr.startswith("error: hyperparameter epochs = 9999; allowed:")
