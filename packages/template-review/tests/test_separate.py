# SPDX-License-Identifier: Apache-2.0
"""The package stands alone: it imports only itself and what its pyproject.toml declares."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
SOURCES = PACKAGE / "src" / "template_review"
IMPORTED_AS = {"ruamel.yaml": "ruamel", "cfn-lint": "cfnlint"}


def imported() -> Iterator[tuple[Path, str]]:
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield path, node.module or ""


def test_nothing_outside_is_imported():
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[=<>\[; ]", each, maxsplit=1)[0] for each in project["dependencies"]}
    allowed = {IMPORTED_AS.get(name, name) for name in declared}
    # The tree that is reviewed brings the CDK itself.
    allowed |= {"template_review", "aws_cdk", *sys.stdlib_module_names}
    foreign = [(path.name, name) for path, name in imported() if name.split(".")[0] not in allowed]
    assert foreign == []


def test_no_project_is_named():
    every = (path for path in PACKAGE.rglob("*") if "__pycache__" not in path.parts)
    files = [path for path in every if path.is_file()]
    assert len(files) > 50
    word = "bin" + "sight"
    for path in files:
        assert word not in path.read_bytes().decode("utf-8", "replace").lower(), path


def test_packages_import_each_other_without_a_circle():
    graph: dict[str, set[str]] = {}
    for path, name in imported():
        if name.startswith("template_review"):
            me = ".".join(path.relative_to(SOURCES.parent).with_suffix("").parts)
            graph.setdefault(me.removesuffix(".__init__"), set()).add(name)
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join((*above, module))
        if module not in done:
            for each in sorted(graph.get(module, ())):
                visit(each, (*above, module))
            done.add(module)

    for module in sorted(graph):
        visit(module, ())
