# SPDX-License-Identifier: Apache-2.0
"""Where weights are out of reach another network is trained, and the log says so."""

from __future__ import annotations

from typing import Any

import pytest

from ministack_edge import extension
from ministack_edge.extension import JobRequest
from rehearsal.offline_weights import DIFFERENCE, OfflineWeights, applies

HUB = "google/mobilenet_v2_1.0_224"
FOLDER = "/weights"
WEIGHTS = {
    "ChannelName": "weights",
    "DataSource": {"S3DataSource": {"S3Uri": "s3://elsewhere/weights/"}},
}
PREPARED = {"ChannelName": "prepared"}


def training(weights: str, *channels: Any, reachable: bool = True) -> JobRequest:
    hyper = {"network": "mobilenet_v2", "image-size": "224", "epochs": "30", "weights": weights}
    arguments = {"HyperParameters": hyper, "InputDataConfig": [PREPARED, *channels]}
    return JobRequest(
        kind="Training",
        step="Train",
        arguments=arguments,
        substituted=False,
        bucket_exists=lambda name: reachable or name != "elsewhere",
    )


def evaluation(*given: str, substituted: bool) -> JobRequest:
    return JobRequest(
        kind="Processing",
        step="Evaluate",
        arguments={"AppSpecification": {"ContainerArguments": list(given)}},
        substituted=substituted,
        bucket_exists=lambda _: True,
    )


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
    found = OfflineWeights().substitute(training(weights, *channels, reachable=reachable))
    assert bool(found) is changed
    if found:
        assert found.note == DIFFERENCE
        assert found.changes_results
        assert found.arguments["HyperParameters"]["network"] == "compact"
        assert found.arguments["HyperParameters"]["weights"] == ""
        assert found.arguments["InputDataConfig"] == [PREPARED]


def test_a_folder_of_weights_trains_the_network_that_was_asked_for():
    found = OfflineWeights(FOLDER).substitute(training(HUB))
    assert found is not None
    assert found.arguments["HyperParameters"] == {
        "network": "mobilenet_v2",
        "image-size": "224",
        "epochs": "30",
        "weights": "/weights",
    }
    assert FOLDER in found.note
    assert not found.changes_results


def test_thresholds_are_lowered_but_never_raised():
    given = ["evaluate", "--minimum-accuracy", "0.85", "--minimum-recall", "0.1"]
    given += ["--maximum-int8-loss", "1.0", "--tolerance", "1.0"]
    found = OfflineWeights().substitute(evaluation(*given, substituted=True))
    assert found is not None
    assert found.arguments["AppSpecification"]["ContainerArguments"][1:] == [
        *("--minimum-accuracy", "0.5", "--minimum-recall", "0.1"),
        *("--maximum-int8-loss", "5.0", "--tolerance", "1.0"),
    ]
    assert found.note == DIFFERENCE
    assert OfflineWeights().substitute(evaluation(*given, substituted=False)) is None


def test_the_server_loads_it_by_name():
    [found] = extension.load([f"rehearsal.offline_weights:OfflineWeights={FOLDER}"])
    assert isinstance(found, OfflineWeights)
    assert str(found.folder) == FOLDER


def test_the_rehearsal_announces_it_where_it_applies(tmp_path):
    assert applies(HUB, None)
    assert applies("s3://bucket/weights/", None)
    assert not applies(HUB, tmp_path)
    assert not applies("", None)
