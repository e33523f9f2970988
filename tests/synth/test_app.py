# SPDX-License-Identifier: Apache-2.0
"""The entry stays small and says plainly what is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.synth.assembly_cache import synth_environment
from tests.synth.conftest import ROOT


def run(*, environment: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the app as the CDK command line would."""
    variables = {"BINSIGHT_ENVIRONMENT": environment}
    if folder is not None:
        variables["BINSIGHT_ENVIRONMENTS"] = str(folder)
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**synth_environment(), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_entry_is_short() -> None:
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ("nowhere", "environment 'nowhere': no file"),
        ("test", "unknown key 'regoin' (did you mean 'region'?)"),
    ],
)
def test_a_wrong_environment_is_one_clear_message(
    tmp_path: Path, environment: str, said: str
) -> None:
    text = (ROOT / "environments" / "dev.toml").read_text(encoding="utf-8")
    (tmp_path / "test.toml").write_text(f'regoin = "x"{os.linesep}{text}', encoding="utf-8")
    result = run(environment=environment, folder=tmp_path)
    assert result.returncode == 1
    assert said in result.stderr
    assert result.stderr.startswith("binsight: ")
    assert "Traceback" not in result.stderr
