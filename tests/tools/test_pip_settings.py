# SPDX-License-Identifier: Apache-2.0
"""uv looks for packages where pip is configured to."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.assets.pip_settings import as_uv_settings

UV = Path(sys.executable).with_name("uv")


def test_pips_configuration_is_translated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://one.example/simple\n"
        "extra-index-url = https://two.example/simple\n  https://three.example/simple\n"
        "trusted-host = one.example\n[install]\nindex-url = https://four.example/simple\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_FIND_LINKS", "/a/wheels /b")
    found = as_uv_settings(Path(sys.executable))
    assert found["UV_DEFAULT_INDEX"] == "https://four.example/simple"  # install goes before global
    assert found["UV_INDEX"] == "https://two.example/simple https://three.example/simple"
    assert found["UV_INSECURE_HOST"] == "one.example"
    assert found["UV_FIND_LINKS"] == "/a/wheels,/b"


def test_uv_installs_a_wheel_that_only_pip_was_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "only_here.py").touch()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "only-here"\nversion = "1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "setuptools.build_meta"\n'
    )
    build = [str(UV), "build", "--wheel", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*build, "-o", str(tmp_path / "wheels"), str(project)], check=True)
    (tmp_path / "pip.conf").write_text(
        f"[global]\nno-index = true\nfind-links = {tmp_path / 'wheels'}\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    settings = as_uv_settings(Path(sys.executable))
    install = [str(UV), "pip", "install", "--python", sys.executable, "only-here==1"]
    done = subprocess.run(
        [*install, "--target", str(tmp_path / "target")],
        env={**settings, "UV_CACHE_DIR": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "target" / "only_here.py").exists()
