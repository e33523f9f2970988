# SPDX-License-Identifier: Apache-2.0
"""Where no list of processors is there, a sentence comes instead of a SIGSEGV by chance."""

import os
import shutil
import subprocess
import sys

import pytest

from contracts.onnx_runtime import processors_problem
from tests.conftest import ROOT

CPU = "sys/devices/system/cpu"


def machine(root, **files):
    for path, text in files.items():
        place = root / path.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return root


@pytest.mark.parametrize(
    "files",
    [
        {"sys__devices__system__cpu__possible": "0-1\n"},
        {"sys__devices__system__cpu__present": "0\n", "proc__cpuinfo": ""},
        {"proc__cpuinfo": "processor\t: 0\nvendor_id\t: x\n"},
        {"proc__cpuinfo": "BogoMIPS: 50\nprocessor : 0\n"},
    ],
)
def test_one_list_is_enough(tmp_path, files):
    assert processors_problem(machine(tmp_path, **files)) == ""


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc__cpuinfo": ""},
        {"proc__cpuinfo": "flags : fpu\n", "sys__devices__system__cpu__possible": "\n"},
    ],
)
def test_no_list_is_named(tmp_path, files):
    assert f"/{CPU}/possible and /proc/cpuinfo" in processors_problem(machine(tmp_path, **files))


def without_processors(tmp_path, *command):
    """Run a command where /sys is hidden and /proc/cpuinfo is empty."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare on this machine")
    options = ["-m"] if os.geteuid() == 0 else ["-r", "-m"]
    empty = tmp_path / "empty"
    empty.touch()
    hide = f"mount -t tmpfs none /sys && mount --bind '{empty}' /proc/cpuinfo"
    allowed = subprocess.run(
        [unshare, *options, "sh", "-c", hide], capture_output=True, check=False
    )
    if allowed.returncode:
        pytest.skip("mount namespaces are not allowed here")
    return subprocess.run(
        [unshare, *options, "sh", "-c", f'{hide} && exec "$@"', "sh", sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[1:])},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("module", ["camera", "camera.classify", "training.evaluate"])
def test_programs_say_so_and_do_not_crash(tmp_path, module):
    done = without_processors(tmp_path, "-m", module, "--help")
    assert done.returncode == 1, done.stderr
    assert "onnxruntime needs one of them to count the processors" in done.stderr
    assert "Traceback" not in done.stderr
