# SPDX-License-Identifier: Apache-2.0
"""The settings of training: what is refused, and that they mean the same to the training code."""

from pathlib import Path

import pytest

from infra.config import settings
from infra.config.training import NETWORKS, WITHOUT_WEIGHTS, TrainingSettings
from training.hyperparameters import Hyperparameters
from training.networks.presets import NAMES, PRETRAINED

BASE = 'account = "111111111111"\nregion = "us-east-1"\nprefix = "test"\nremoval = "destroy"\n'


def test_the_networks_are_those_that_training_has() -> None:
    assert set(NETWORKS) == set(NAMES)
    assert set(NETWORKS) - set(WITHOUT_WEIGHTS) == set(PRETRAINED)


@pytest.mark.parametrize("name", settings.names())
def test_training_takes_what_the_environments_say(name: str) -> None:
    training = settings.load(name).training
    given = {
        "network": training.network,
        "weights": training.weights,
        "epochs": str(training.epochs),
        "image_size": str(training.image_size),
        "seed": str(training.seed),
        "patience": str(training.patience),
        "int8_loss": str(training.maximum_int8_loss),
    }
    assert Hyperparameters.parse(given).image_size == training.image_size


@pytest.mark.parametrize(
    "weights",
    [
        "",
        "google/mobilenet_v2_1.0_224",
        "google/mobilenet_v2_1.0_224@0123abc",
        "s3://my-bucket/mobilenet/",
    ],
)
def test_weights_are_named_in_one_of_three_ways(weights: str) -> None:
    place = TrainingSettings(weights=weights).weights_prefix
    assert place == (("my-bucket", "mobilenet/") if weights.startswith("s3:") else None)


@pytest.mark.parametrize(
    ("lines", "parts"),
    [
        ("weights = 'mobilenet'", ["training.weights = 'mobilenet'", "owner/name"]),
        ("weights = 's3://bucket/folder'", ["training.weights", "ends with /"]),
        ("weights = '/home/me/weights'", ["training.weights", "from scratch"]),
        ("network = 'vgg'", ["training.network = 'vgg'", "mobilenet_v2, resnet, compact"]),
        ("network = 'compact'", ["training.weights", "'' with training.network = 'compact'"]),
        ("image_size = 100", ["training.image_size = 100", "multiple of 32"]),
        ("spot = 'yes'", ["training.spot = 'yes'"]),
        ("instance_count = 0", ["training.instance_count = 0"]),
        ("cache_days = 90", ["training.cache_days = 90", "less than data.runs_days = 90"]),
        ("tolerance = 101.0", ["training.tolerance = 101.0", "100"]),
        ("minimum_recall = 60.0", ["training.minimum_recall = 60.0", "1"]),
        ("notebook = 't3.medium'", ["training.notebook = 't3.medium'", "ml.m5.xlarge"]),
        ("notebook_subnet = 'subnet-0a1b2c3d'", ["both or none"]),
        (
            "notebook_subnet = 'net-1'\nnotebook_security_group = 'sg-0a1b2c3d'",
            ["training.notebook_subnet = 'net-1'", "id of a subnet"],
        ),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, parts: list[str]
) -> None:
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(tmp_path))
    (tmp_path / "test.toml").write_text(f"{BASE}[training]\n{lines}\n", encoding="utf-8")
    with pytest.raises(settings.SettingsError) as raised:
        settings.load("test")
    for part in [str(tmp_path / "test.toml"), *parts]:
        assert part in str(raised.value)
