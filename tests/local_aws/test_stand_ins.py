# SPDX-License-Identifier: Apache-2.0
"""Where weights are out of reach another network is trained, and it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ministack_edge.sagemaker import offline_weights

HUB = "google/mobilenet_v2_1.0_224"
FOLDER = Path("/weights")
WEIGHTS = {"ChannelName": "weights"}
PREPARED = {"ChannelName": "prepared"}


def training(weights: str, *channels: dict[str, str]) -> dict[str, Any]:
    hyper = {"network": "mobilenet_v2", "image-size": "224", "epochs": "30", "weights": weights}
    return {"HyperParameters": hyper, "InputDataConfig": [PREPARED, *channels]}


@pytest.mark.parametrize(
    ("weights", "channels", "reachable", "changed"),
    [
        (HUB, (), True, True),
        (f"{HUB}@main", (), True, True),
        ("", (WEIGHTS,), False, True),
        ("", (WEIGHTS,), True, False),
        ("", (), True, False),
    ],
)
def test_only_what_is_out_of_reach_is_replaced(weights, channels, reachable, changed):
    asked = training(weights, *channels)
    real, note = offline_weights.training(asked, folder=None, reachable=reachable)
    assert (real != asked) is changed
    assert bool(note) is changed
    if changed:
        assert real["HyperParameters"]["network"] == "compact"
        assert real["HyperParameters"]["weights"] == ""
        assert real["InputDataConfig"] == [PREPARED]


def test_a_folder_of_weights_trains_the_network_that_was_asked_for():
    real, note = offline_weights.training(training(HUB), folder=FOLDER, reachable=True)
    assert real["HyperParameters"] == {
        "network": "mobilenet_v2",
        "image-size": "224",
        "epochs": "30",
        "weights": "/weights",
    }
    assert str(FOLDER) in note


def test_thresholds_are_lowered_but_never_raised():
    given = ["evaluate", "--minimum-accuracy", "0.85", "--minimum-recall", "0.1"]
    given += ["--maximum-int8-loss", "1.0", "--tolerance", "1.0"]
    real, note = offline_weights.evaluation({"AppSpecification": {"ContainerArguments": given}})
    assert real["AppSpecification"]["ContainerArguments"][1:] == [
        *("--minimum-accuracy", "0.5", "--minimum-recall", "0.1"),
        *("--maximum-int8-loss", "5.0", "--tolerance", "1.0"),
    ]
    assert note == offline_weights.DIFFERENCE


def test_the_person_is_told_where_it_applies():
    assert offline_weights.applies(HUB, None)
    assert offline_weights.applies("s3://bucket/weights/", None)
    assert not offline_weights.applies(HUB, FOLDER)
    assert not offline_weights.applies("", None)
