# SPDX-License-Identifier: Apache-2.0
"""What the container needs: an entry script, a lock, and steps that start with plain python."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.steps import ROOT, enter, run_step
from training.check_requirements import missing

TRAINING = ROOT / "training"


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", path.read_text(), re.MULTILINE))


def test_lock_has_every_pin_with_digests_and_leaves_torch_to_the_container() -> None:
    wanted, locked = pins(TRAINING / "requirements.in"), pins(TRAINING / "requirements.txt")
    assert wanted.items() <= locked.items()
    assert "torch" not in locked
    blocks = re.split(r"^(?=[a-z])", (TRAINING / "requirements.txt").read_text(), flags=re.M)
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)


def test_laptop_and_container_have_the_same_versions() -> None:
    laptop = pins(ROOT / "requirements" / "train.txt")
    assert pins(TRAINING / "requirements.in").items() <= laptop.items()


def test_missing_packages_are_noticed(tmp_path: Path) -> None:
    assert missing(TRAINING / "requirements.in") == []
    (tmp_path / "r.in").write_text("# a note\nnumpy==0.0.1\nno-such-package==1  # why\n")
    assert missing(tmp_path / "r.in") == ["numpy==0.0.1", "no-such-package==1"]


@pytest.mark.parametrize("arguments", [(), ("deploy",), ("../prepare",)])
def test_entry_script_names_its_steps(arguments: tuple[str, ...]) -> None:
    done = enter(*arguments)
    assert done.returncode == 2
    assert "usage: entrypoint.sh prepare|train|evaluate" in done.stderr


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("driver", "used"),
    [("570.172.08", True), ("580.126.09", True), ("595.45.04", False), ("610.1", False)],
)
def test_an_old_driver_gets_the_compatibility_libraries(
    tmp_path: Path, driver: str, used: bool
) -> None:
    """As the image lays them out: libcuda.so.1 -> libcuda.so.<driver they are of>."""
    compat = tmp_path / "cuda" / "compat"
    compat.mkdir(parents=True)
    (compat / "libcuda.so.595.45.04").touch()
    (compat / "libcuda.so.1").symlink_to("libcuda.so.595.45.04")
    program(tmp_path, "nvidia-smi", f"echo {driver}")
    program(
        tmp_path,
        "python3",
        'case "$*" in *check_requirements.py) ;; *) echo "$LD_LIBRARY_PATH";; esac',
    )
    done = subprocess.run(
        ["bash", str(TRAINING / "entrypoint.sh"), "prepare"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "CUDA_HOME": str(tmp_path / "cuda"),
             "LD_LIBRARY_PATH": "/lib/nccl"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = done.stdout.splitlines()[-1]
    assert found == (f"{compat}:/lib/nccl" if used else "/lib/nccl")
    assert ("compatibility libraries (595.45.04) are used" in done.stdout) == used


def test_packages_are_installed_also_where_the_environment_has_no_pip(tmp_path: Path) -> None:
    """As uv makes them. The lock here has nothing, so nothing is fetched."""
    copy = tmp_path / "code" / "training"
    copy.mkdir(parents=True)
    for name in ("entrypoint.sh", "check_requirements.py"):
        shutil.copy(TRAINING / name, copy / name)
    (copy / "requirements.in").write_text("no-such-package==1\n")
    (copy / "requirements.txt").touch()
    (copy / "prepare.py").write_text("import pip; print('with pip')\n")
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    done = subprocess.run(
        ["bash", str(copy / "entrypoint.sh"), "prepare"],
        env={"PATH": f"{environment / 'bin'}:/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "to be installed: no-such-package==1\nwith pip\n"


def test_entry_script_passes_shellcheck() -> None:
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent))
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    script = str(TRAINING / "entrypoint.sh")
    done = subprocess.run([shellcheck, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("step", ["prepare", "train", "evaluate", "local"])
def test_each_step_runs_alone(step: str) -> None:
    done = run_step("-m", f"training.{step}", "--help")
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout


def test_only_training_needs_torch() -> None:
    imports = "import sys, training.prepare, training.evaluate, training.train"
    assert run_step("-c", f"{imports}; print('torch' in sys.modules)").stdout == "False\n"
