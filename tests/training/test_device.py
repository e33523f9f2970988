# SPDX-License-Identifier: Apache-2.0
"""What the training computes with, on hardware that is not here."""

from types import SimpleNamespace

import pytest
import torch

from training import sagemaker_job
from training.learning import device, distributed


def on(monkeypatch: pytest.MonkeyPatch, *, major: int | None, amx: bool = False) -> None:
    """A GPU of this compute capability or none; a processor with or without bfloat16."""
    properties = SimpleNamespace(major=major)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: major is not None)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _device: properties)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)


@pytest.mark.parametrize(
    ("major", "auto"), [(7, "fp16"), (8, "bf16"), (9, "bf16"), (10, "bf16"), (12, "bf16")]
)
def test_a_gpu_computes_with_what_its_hardware_has(
    monkeypatch: pytest.MonkeyPatch, major: int, auto: str
) -> None:
    """A T4 (7.5) takes bfloat16 as well, and emulates it."""
    on(monkeypatch, major=major)
    assert device.precision("auto") == device.precision("on") == auto
    assert device.precision("off") == "fp32"


@pytest.mark.parametrize(("amx", "auto"), [(False, "fp32"), (True, "bf16")])
def test_a_processor_emulates_only_when_told_to(
    monkeypatch: pytest.MonkeyPatch, amx: bool, auto: str
) -> None:
    on(monkeypatch, major=None, amx=amx)
    chosen = [device.precision(wanted) for wanted in ("auto", "on", "off")]
    assert chosen == [auto, "bf16", "fp32"]


def test_gpus_that_cannot_be_used_are_not_paid_for_in_silence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on(monkeypatch, major=None)
    monkeypatch.setattr(distributed, "gpus", lambda: 4)
    monkeypatch.setattr(device, "_driver", lambda: "535.54.03")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(sagemaker_job.StepError, match=r"4 GPUs with driver 535\.54\.03.*too old"):
        device.check_gpus()
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "threads of the processor" in device.check_gpus()
    assert "the 4 GPUs of this machine are not used" in capsys.readouterr().out
