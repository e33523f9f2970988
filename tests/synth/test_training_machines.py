# SPDX-License-Identifier: Apache-2.0
"""The instance types of training, against SageMaker's own service model."""

import functools
import re

import botocore.loaders
import pytest
from botocore.model import ServiceModel

from infra.config.training import BATCH_SIZES, NETWORKS, TrainingSettings
from infra.config.training_machines import FAMILIES, MACHINES, REFUSED, machine, sizes
from training.networks.presets import recipe


@functools.cache
def offered(kind: str) -> dict[str, set[str]]:
    """Sizes by family that SageMaker offers for jobs of a kind."""
    document = botocore.loaders.Loader().load_service_model("sagemaker", "service-2")
    found: dict[str, set[str]] = {}
    for name in ServiceModel(document, "sagemaker").shape_for(f"{kind}InstanceType").enum:
        _, family, size = name.split(".")
        found.setdefault(family, set()).add(size)
    return found


def test_every_family_that_sagemaker_trains_on_is_known_or_refused() -> None:
    assert set(offered("Training")) == set(FAMILIES) | set(REFUSED)
    assert not set(FAMILIES) & set(REFUSED)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_sizes_are_those_that_sagemaker_has(family: str) -> None:
    known = FAMILIES[family]
    assert set(known.sizes) == offered("Training")[family]
    assert set(known.gpus) <= set(known.sizes)
    assert known.processing == (offered("Processing").get(family) == set(known.sizes))


@pytest.mark.parametrize(
    ("name", "gpus", "local_disk"),
    [
        ("ml.m5.xlarge", 0, False),
        ("ml.r5d.large", 0, True),
        ("ml.g4dn.12xlarge", 4, True),
        ("ml.g4dn.16xlarge", 1, True),
        ("ml.p4d.24xlarge", 8, True),
        ("ml.g7e.12xlarge", 2, True),
    ],
)
def test_a_type_says_what_it_is(name: str, gpus: int, local_disk: bool) -> None:
    assert machine(name)[1:3] == (gpus, local_disk)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ml.p3.2xlarge", "V100"),
        ("ml.trn1.2xlarge", "Trainium"),
        ("ml.p6e-gb200.36xlarge", "arm64"),
        ("ml.m6g.large", "of the families c4, c5"),
        ("ml.m5.huge", "ml.m5.<size>, size one of large, xlarge"),
        ("m5.xlarge", "such as ml.m5.xlarge"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        machine(name)
    with pytest.raises(ValueError, match="instance_type"):
        TrainingSettings(instance_type=name)


def test_all_sizes_of_a_family_take_the_same_definition() -> None:
    for name, one in MACHINES.items():
        others = [MACHINES[other] for other in sizes(name)]
        assert {(other.gpus > 0, other.local_disk) for other in others} == {
            (one.gpus > 0, one.local_disk)
        }


@pytest.mark.parametrize("network", NETWORKS)
def test_the_batch_that_processes_share_is_the_recipe_s(network: str) -> None:
    for pretrained in {False, network != "compact"}:
        assert recipe(network, pretrained=pretrained).batch_size == BATCH_SIZES[network]


@pytest.mark.parametrize(
    ("given", "prepares"),
    [
        ({}, "ml.m5.xlarge"),
        ({"instance_type": "ml.c5.4xlarge"}, "ml.c5.4xlarge"),
        ({"instance_type": "ml.c5n.xlarge"}, "ml.m5.xlarge"),
        ({"instance_type": "ml.g5.xlarge"}, "ml.m5.xlarge"),
        ({"instance_type": "ml.g5.xlarge", "processing_instance_type": "ml.t3.medium"},
         "ml.t3.medium"),
    ],
)  # fmt: skip
def test_prepare_and_evaluate_run_without_a_gpu(given: dict[str, str], prepares: str) -> None:
    assert TrainingSettings.model_validate(given).processing_machine.name == prepares


@pytest.mark.parametrize("name", ["ml.g5.xlarge", "ml.c5n.xlarge", "ml.p4d.24xlarge"])
def test_a_machine_that_cannot_prepare_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="for processing jobs without a GPU"):
        TrainingSettings(processing_instance_type=name)
