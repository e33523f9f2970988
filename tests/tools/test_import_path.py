# SPDX-License-Identifier: Apache-2.0
"""What is installed editable: the project and every Lambda function's folder."""

import tomllib

from tests.conftest import ROOT


def test_every_lambda_folder_is_on_the_import_path() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = document["tool"]["hatch"]["build"]["targets"]["wheel"]["dev-mode-dirs"]
    folders = {
        f"lambda/{path.name}" for path in (ROOT / "lambda").iterdir() if any(path.glob("*.py"))
    }
    assert set(listed) == {".", *folders}
