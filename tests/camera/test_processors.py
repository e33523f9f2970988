# SPDX-License-Identifier: Apache-2.0
"""The archive as it is shipped, on processors that this machine does not have.

Skips what is not at hand: the archive (``cdk synth`` builds it into .build), qemu-user (Debian's
package of that name), an arm64 Python (``tests/camera/arm64_root.sh .build/arm64-root``).
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from benchmarks import mobilenet
from camera.vision.jpeg import encode, model_input, thumbnail

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
ARM64_ROOT = Path(os.environ.get("BINSIGHT_ARM64_ROOT", BUILD / "arm64-root"))
SIZE = 96
PROCESSORS = {
    "Westmere": ("x86_64", "inference.zip"),
    "Denverton": ("x86_64", "inference.zip"),
    "cortex-a53": ("aarch64", "inference-aarch64.zip"),
}
"""SSE4.2 without AVX: the oldest that are supported, and an Atom; ARMv8 as on a Raspberry Pi 3."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    archive, _ = mobilenet.write(tmp_path_factory.mktemp("mobilenet"), size=SIZE)
    return archive


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    random = np.random.default_rng(3)
    picture = np.kron(random.integers(0, 255, (12, 16, 3)), np.ones((30, 40, 1))).astype(np.uint8)
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    path.write_bytes(encode(picture, subsampling="422"))
    return path


def python(processor):
    """The command of a Python on this processor; skips where there is none."""
    architecture, archive = PROCESSORS[processor]
    emulator = shutil.which(f"qemu-{architecture}") or shutil.which(f"qemu-{architecture}-static")
    if emulator is None:
        pytest.skip("qemu-user is not installed (Debian: apt-get install qemu-user)")
    if not (BUILD / archive).is_file():
        pytest.skip(f".build/{archive} is not built (cdk synth builds what an environment ships)")
    if architecture == "x86_64":
        return [emulator, "-cpu", processor, os.path.realpath(sys.executable)]
    inside = ARM64_ROOT / "usr/bin/python3.11"
    if not inside.is_file():
        pytest.skip(f"no arm64 Python (tests/camera/arm64_root.sh {ARM64_ROOT})")
    return [emulator, "-cpu", processor, "-L", str(ARM64_ROOT), str(inside)]


@pytest.mark.parametrize("processor", PROCESSORS)
def test_the_shipped_archive_adopts_a_model_and_infers(processor, model, photo, tmp_path):
    command = python(processor)
    shipped = tmp_path / "shipped"
    with zipfile.ZipFile(BUILD / PROCESSORS[processor][1]) as archive:
        archive.extractall(shipped)
    script = Path(__file__).with_name("on_processor.py")
    done = subprocess.run(
        [*command, "-I", str(script), str(shipped), str(model), str(photo), str(tmp_path / "m")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["outside"] == []
    assert not answer["avx"]
    assert abs(sum(answer["probabilities"]) - 1) < 1e-3
    # The picture is the same to the last bit or nearly; the golden inputs are checked by adoption.
    here = model_input(photo.read_bytes(), width=SIZE, height=SIZE).astype(np.int64).sum()
    assert abs(answer["pixels"] - here) <= SIZE * SIZE
    assert abs(answer["thumbnail"] - float(thumbnail(photo.read_bytes()).mean())) < 0.1


def test_the_emulation_has_no_avx():
    """Otherwise the test above would prove nothing."""
    command = python("Westmere")
    program = (
        "import ctypes, mmap; memory = mmap.mmap(-1, 4096, prot=7);"
        # vxorps ymm0, ymm0, ymm0; ret
        "memory.write(bytes([0xC5, 0xFC, 0x57, 0xC0, 0xC3]));"
        "at = ctypes.addressof(ctypes.c_char.from_buffer(memory));"
        "ctypes.CFUNCTYPE(None)(at)(); print('AVX works')"
    )
    done = subprocess.run([*command, "-I", "-c", program], capture_output=True, check=False)
    assert done.returncode != 0
    assert b"AVX works" not in done.stdout
