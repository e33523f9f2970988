# SPDX-License-Identifier: Apache-2.0
"""The documentation site builds without a warning: every page in the menu, every link whole."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.skipif(
    importlib.util.find_spec("material") is None, reason="mkdocs-material is not installed"
)
def test_the_site_builds_strictly(tmp_path):
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr[-3000:]
    assert (tmp_path / "index.html").exists()
    # Nothing of a page is loaded from another host.
    page = (tmp_path / "index.html").read_text()
    assert "fonts.googleapis.com" not in page
    assert 'src="http' not in page
