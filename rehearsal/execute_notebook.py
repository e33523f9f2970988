# SPDX-License-Identifier: Apache-2.0
"""Runs a notebook cell by cell and keeps the executed copy: NOTEBOOK COPY.

A separate program, run by .venv-sdk's Python: the notebook needs SageMaker's SDK, which cannot be
installed beside the local AWS. The copy is written even if a cell fails, with the error in it.
"""

import sys
from pathlib import Path
from typing import Any

import nbformat  # type: ignore[import-not-found]
from nbclient import NotebookClient  # type: ignore[import-not-found]
from nbclient.exceptions import CellExecutionError  # type: ignore[import-not-found]

CELL_SECONDS = 1800


def main() -> int:
    """Execute the notebook and print each heading; return 1 if a cell fails."""
    source, copy = Path(sys.argv[1]), Path(sys.argv[2])
    notebook: Any = nbformat.read(source, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(copy.parent)}},
        on_cell_start=_say,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        print(f"notebook: {error.ename}: {error.evalue}", flush=True)
        return 1
    finally:
        unfinished = copy.with_suffix(".part")
        nbformat.write(notebook, unfinished)
        unfinished.replace(copy)
    return 0


def _say(*, cell: Any, cell_index: int) -> None:  # noqa: ARG001 - called with these names
    if cell["cell_type"] == "markdown" and cell["source"].startswith("#"):
        print(cell["source"].splitlines()[0].lstrip("# "), flush=True)


if __name__ == "__main__":
    sys.exit(main())
