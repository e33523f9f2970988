# SPDX-License-Identifier: Apache-2.0
"""Every network on the list: what it is asked to be, and its way into int8."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from training.networks import NAMES, PRETRAINED, build
from training.networks.presets import plan, recipe
from training.networks.recalibrate_batchnorm import recalibrate
from training.networks.transformers_models import ARCHITECTURES, mend
from training.networks.weights import find
from training.sagemaker_job import StepError

pytestmark = pytest.mark.xdist_group("training")

TINY = {
    "mobilenet_v2": {"depth_multiplier": 0.25},
    "resnet": {
        "layer_type": "basic",
        "embedding_size": 8,
        "hidden_sizes": [8, 16, 16, 16],
        "depths": [1, 1, 1, 1],
    },
}


def pictures(count: int, size: int) -> np.ndarray:
    """Soft random colours, different in every picture."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return coarse.repeat(size // 4, axis=1).repeat(size // 4, axis=2)


def shown(photos: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(photos).permute(0, 3, 1, 2).float()


@pytest.fixture(scope="module", params=PRETRAINED)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a tiny model with a head for 7 classes, as transformers writes them."""
    known = ARCHITECTURES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(4)
    config = getattr(transformers, known.config)(num_labels=7, **TINY[request.param])
    getattr(transformers, known.model)(config).save_pretrained(folder)
    return folder


def test_the_list_is_the_recipes() -> None:
    assert set(ARCHITECTURES) == set(PRETRAINED) == set(TINY)
    assert set(NAMES) == {"compact", *PRETRAINED}
    with pytest.raises(StepError, match="network = 'vgg'; allowed: mobilenet_v2, "):
        build("vgg", 3)


def test_the_body_is_taken_over_and_the_head_is_new(saved: Path, tmp_path: Path) -> None:
    name = transformers.AutoConfig.from_pretrained(saved).model_type
    torch.manual_seed(1)
    network = build(name, 7, weights=find(str(saved), scratch=tmp_path))
    own = dict(network.network.named_parameters())
    other = getattr(transformers, ARCHITECTURES[name].model).from_pretrained(saved)
    for key, value in other.named_parameters():
        if not key.endswith("bias"):
            assert torch.equal(own[key], value) != key.startswith("classifier"), key
    assert build(name, 3).eval()(shown(pictures(2, 32))).shape == (2, 3)
    modules = dict(network.network.named_modules())
    assert {*network.blocks, *network.float_modules, network.head} <= modules.keys()


def test_own_padding_is_the_same_bit_for_bit() -> None:
    known = ARCHITECTURES["mobilenet_v2"]
    config = getattr(transformers, known.config)(num_labels=3, **TINY["mobilenet_v2"])
    torch.manual_seed(2)
    model = getattr(transformers, known.model)(config).eval()
    inside = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        before = model(inside).logits
        mend(model)
        assert torch.equal(model(inside).logits, before)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {module.momentum for module in norms} == {0.05}
    made: Any = build("mobilenet_v2", 3)
    assert made.network.dropout.p == 0.2
    strides = {c.stride: c.padding for c in model.modules() if isinstance(c, nn.Conv2d)}
    assert strides[(2, 2)] == (0, 0), "stride 2 keeps TensorFlow's lopsided padding"


def test_recalibrate_moves_statistics_and_keeps_answers() -> None:
    torch.manual_seed(3)
    network = build("resnet", 3).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # as after folding: an affine step
            nn.init.constant_(module.running_var, 1 - module.eps)
            nn.init.normal_(module.bias, std=0.3)
    photos = pictures(32, 32)
    with torch.no_grad():
        before = network(shown(photos))
        recalibrate(network, torch.from_numpy(photos), batch=12)
        after = network(shown(photos))
        training = network.train()(shown(photos))
    assert float((after - before).abs().max()) < 1e-4 * float(before.abs().max())
    # With the photos' own statistics it hardly matters which ones are used.
    assert float((training - after).abs().max()) < 0.05 * float(after.abs().max())


def test_frozen_blocks_learn_nothing() -> None:
    network = build("compact", 3)
    network.freeze(2)
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(shown(pictures(4, 32))).square().sum().backward()
    optimiser.step()
    changed = {
        key for key, value in network.state_dict().items() if not torch.equal(before[key], value)
    }
    assert not [key for key in changed if key.startswith(("network.stem", "network.blocks.0."))]
    assert any(key.startswith("network.blocks.1.") and "running" in key for key in changed)
    assert any(network.is_head(key) for key in changed)


def test_a_plan_adds_up() -> None:
    fine = recipe("mobilenet_v2", pretrained=True)
    stages = plan(fine, epochs=24, image_size=224, learning_rate=5e-4)
    assert [(stage.size, stage.epochs, stage.frozen) for stage in stages] == [
        (160, 18, 4),
        (224, 6, 7),
    ]
    assert stages[1].learning_rate == pytest.approx(1.5e-4)
    for epochs in range(1, 30):
        done = plan(fine, epochs=epochs, image_size=96, learning_rate=1e-3)
        assert sum(stage.epochs for stage in done) == epochs
        assert done[-1].size == 96
        assert all(stage.epochs >= 1 for stage in done)
