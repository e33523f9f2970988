# SPDX-License-Identifier: Apache-2.0
"""The training notebook against the deployed environment, as a person would run it."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from rehearsal.errors import RehearsalError

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "training" / "notebooks" / "trash_sorter.ipynb"
PYTHON = ROOT / ".venv-sdk" / "bin" / "python"
EXECUTOR = Path(__file__).with_name("execute_notebook.py")


def check_installed() -> None:
    """Raise where SageMaker's SDK is not installed; found before any work is done."""
    if not PYTHON.exists():
        raise RehearsalError("the notebook needs SageMaker's SDK in .venv-sdk: `make sdk`")


def run(
    copy: Path, *, prefix: str, environment: Mapping[str, str], news: Callable[[str], None]
) -> None:
    """Execute every cell; the executed copy stays. Raises RehearsalError with the cell's error.

    ``environment`` is what leads boto3 and the SDK to the local AWS, and nowhere else.
    """
    folder = copy.parent / "notebook"
    folder.mkdir(parents=True, exist_ok=True)
    given = {
        **environment,
        "HOME": str(folder),
        "PATH": os.pathsep.join([str(PYTHON.parent), environment.get("PATH", "")]),
        "BINSIGHT_PREFIX": prefix,
        "BINSIGHT_CODE": str(ROOT),
        "BINSIGHT_POLL_SECONDS": "0.5",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    command = [str(PYTHON), str(EXECUTOR), str(NOTEBOOK), str(copy)]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            said = []
            for line in process.stdout or ():
                said.append(line.strip())
                news(line.strip())
        finally:
            if process.poll() is None:
                process.terminate()
    if process.returncode:
        raise RehearsalError(f"the notebook failed: {said[-1:]}; its executed copy: {copy}")
