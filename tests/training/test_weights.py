# SPDX-License-Identifier: Apache-2.0
"""Pretrained weights that cannot be used: what was found, and what is allowed."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

from tests.training.steps import ROOT
from training.hyperparameters import Hyperparameters
from training.networks import build
from training.networks.weights import find
from training.sagemaker_job import StepError

pytestmark = pytest.mark.xdist_group("training")

BACKBONE = ROOT.parent / "shared" / "backbone" / "mobilenet_v2_1.0_224"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config: Any = MobileNetV2Config(depth_multiplier=0.25)
    config.num_labels = 3
    MobileNetV2ForImageClassification(config).save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


def pack(folder: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True)
    with tarfile.open(target, "w:gz") as archive:
        archive.add(folder, arcname="inner")
    return target


def test_a_folder_an_archive_and_a_channel_are_the_same(folder: Path, tmp_path: Path) -> None:
    plain = find(str(folder), scratch=tmp_path / "1")
    archive = pack(folder, tmp_path / "channel" / "model.tar.gz")
    assert plain.name.startswith("sha256:")
    for number, given in enumerate((archive, archive.parent, folder.parent / "outer")):
        if given.name == "outer":
            given.mkdir()
            folder.rename(given / "inner")
        assert find(str(given), scratch=tmp_path / str(number)).name == plain.name


def cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


def change(**values: object) -> Callable[[Path], None]:
    def work(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return work


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (cut, r"model\.safetensors: damaged or cut off after 5000 bytes: .*allowed: a whole"),
        (change(model_type="resnet"), "model_type = 'resnet'; network = mobilenet_v2 needs"),
        (change(model_type="vit"), r"model_type = 'vit'; .* networks: mobilenet_v2, resnet"),
        (change(depth_multiplier=0.5), r"do not fit .*config\.json: .* instead of "),
        (lambda f: (f / "config.json").unlink(), r"holds model\.safetensors; allowed: config"),
        (lambda f: (f / "config.json").write_text("{"), r"config\.json: not JSON"),
        (
            lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
            r"no \*\.safetensors in .*pickled weights \(\*\.bin, \*\.pt\) are not read",
        ),
        (
            lambda f: (f / "preprocessor_config.json").write_text('{"image_std": [1]}'),
            r"image_std = \[1\]; allowed: 3 numbers",
        ),
    ],
)
def test_what_is_wrong_is_named(
    harm: Callable[[Path], None], message: str, folder: Path, tmp_path: Path
) -> None:
    harm(folder)
    with pytest.raises(StepError, match=message):
        build("mobilenet_v2", 3, weights=find(str(folder), scratch=tmp_path / "scratch"))


def test_half_an_archive(folder: Path, tmp_path: Path) -> None:
    archive = pack(folder, tmp_path / "channel" / "model.tar.gz")
    archive.write_bytes(archive.read_bytes()[:2000])
    with pytest.raises(StepError, match=r"model\.tar\.gz: not a whole tar archive"):
        find(str(archive), scratch=tmp_path / "scratch")


def test_the_hub_is_asked_for_what_is_needed_only(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def download(repository: str, **options: object) -> str:
        asked.append((repository, options["revision"], options["allow_patterns"]))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert find("owner/name@v2", scratch=tmp_path).folder == folder
    assert asked[0][:2] == ("owner/name", "v2")
    patterns: Any = asked[0][2]
    assert "*.bin" not in patterns

    def unreachable(repository: str, **options: object) -> str:
        raise ConnectionError("no route to the hub")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(
        StepError, match="the hub returned nothing: ConnectionError: no route"
    ) as error:
        find("owner/name", scratch=tmp_path)
    assert "allowed: owner/name or owner/name@revision" in str(error.value)
    with pytest.raises(StepError, match="'/no/such': no such folder; allowed: a folder with"):
        find("/no/such", scratch=tmp_path)


def test_compact_has_no_weights() -> None:
    with pytest.raises(StepError, match="network = compact has none; allowed with network = mobi"):
        Hyperparameters(network="compact", weights="owner/name")


def test_half_precision_becomes_single(tmp_path: Path) -> None:
    """The real backbone: float16, folded batch norms, no head."""
    if not BACKBONE.is_dir():
        pytest.skip(f"{BACKBONE} is not here: weights are not part of the project")
    network: Any = build("mobilenet_v2", 6, weights=find(str(BACKBONE), scratch=tmp_path))
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    assert network.network.classifier.weight.shape == (6, 1280)
    assert float(network.scale[0, 0]) == pytest.approx(1 / 127.5)
