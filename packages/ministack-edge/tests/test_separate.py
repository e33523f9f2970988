# SPDX-License-Identifier: Apache-2.0
"""The package stands alone: it imports what it declares, and knows of no project that uses it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
SOURCES = sorted((PACKAGE / "src").rglob("*.py"))
PROJECT = "bin" + "sight"
"""The project in whose repository the package is developed; put together to find itself not."""


def declared() -> set[str]:
    """Import names of the dependencies, which are those of their distributions here."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {re.split(r"[=<>~!\[ ]", one)[0] for one in project["dependencies"]}


def imports(file: Path) -> Iterator[str]:
    """The top-level modules that a file imports, by name or through importlib."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            yield str(node.module).partition(".")[0]
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith("import_module")
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value).partition(".")[0]


def test_it_imports_nothing_that_it_does_not_declare() -> None:
    allowed = {"ministack_edge", *declared(), *sys.stdlib_module_names}
    assert len(SOURCES) > 60
    stray = {(file.name, name) for file in SOURCES for name in imports(file) if name not in allowed}
    assert stray == set()


def test_nothing_in_it_names_the_project_that_it_came_from() -> None:
    files = [file for file in PACKAGE.rglob("*") if file.is_file() and file.suffix != ".pyc"]
    named = [
        str(file.relative_to(PACKAGE))
        for file in files
        if PROJECT
        in f"{file} {file.read_text(encoding='utf-8', errors='replace')}".lower().replace(
            str(PACKAGE).lower(), ""
        )
    ]
    assert named == []
