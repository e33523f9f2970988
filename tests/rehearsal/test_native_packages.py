# SPDX-License-Identifier: Apache-2.0
"""A camera's package that was built for another machine or Python runs on a simulated camera."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.assets import bundling
from infra.assets.definitions import INFERENCE, INFERENCE_AARCH64, ROOT, Bundle
from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.component_process import base_python
from rehearsal.simulated_core.native_packages import fit_packages

HERE = "{}.{}".format(*sys.version_info[:2])
LOADED = "import numpy, onnxruntime, simplejpeg, awscrt.io, camera; print(numpy.__version__)"


@pytest.fixture
def package(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    bundle: Bundle = request.param
    bundling.build(bundle)
    with zipfile.ZipFile(ROOT / ".build" / f"{bundle.name}.zip") as archive:
        archive.extractall(tmp_path / "package")
    return tmp_path / "package"


@pytest.mark.parametrize("package", [INFERENCE, INFERENCE_AARCH64], indirect=True)
def test_a_package_for_another_machine_gets_wheels_that_load_here(package: Path) -> None:
    fit_packages(package)
    code = f"import sys; sys.path.insert(0, {str(package)!r}); {LOADED}"
    done = subprocess.run(
        [base_python(), "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"numpy-{done.stdout.strip()}.dist-info" in {path.name for path in package.iterdir()}
    assert not fit_packages(package)  # it fits now
    assert f"needed={HERE}\n" in (package / "start.sh").read_text()


@pytest.mark.parametrize("package", [INFERENCE_AARCH64], indirect=True)
def test_a_start_script_that_cannot_be_adapted_is_reported(package: Path) -> None:
    (package / "start.sh").write_text("exec python\n")
    with pytest.raises(RehearsalError, match=r"start\.sh: no line 'needed=3\.11'"):
        fit_packages(package)
