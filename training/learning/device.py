# SPDX-License-Identifier: Apache-2.0
"""Chooses the device and the precision of training."""

import subprocess

import torch

from training import sagemaker_job
from training.learning import distributed


def precision(wanted: str) -> str:
    """`bf16`, `fp16` or `fp32`, by the hyperparameter mixed-precision: auto, on or off.

    auto selects a shorter format only if the hardware supports it. Older GPUs (T4, in g4dn)
    and most processors merely emulate bfloat16: slower than float32.
    """
    if wanted == "off":
        return "fp32"
    if torch.cuda.is_available():
        real = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if real else "fp16"
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if fast or wanted == "on" else "fp32"


def check_gpus() -> str:
    """A description of the training's hardware.

    Raises StepError if the machine's GPUs cannot be used.
    """
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()} ({distributed.gpus()} in this machine)"
    found = distributed.gpus()
    if found and torch.version.cuda:
        raise sagemaker_job.StepError(
            f"this machine has {found} GPUs with driver {_driver()}, and torch {torch.__version__} "
            f"for CUDA {torch.version.cuda} cannot use them: the driver is too old for it. "
            "allowed: an instance type whose machines have a newer driver, or one without a GPU"
        )
    if found:
        print(
            f"WARNING: the {found} GPUs of this machine are not used: torch {torch.__version__} is "
            "built for processors.",
            flush=True,
        )
    return f"{torch.get_num_threads()} threads of the processor"


def _driver() -> str:
    done = subprocess.run(
        ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.stdout.partition("\n")[0].strip() or "unknown"
