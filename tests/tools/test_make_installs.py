# SPDX-License-Identifier: Apache-2.0
"""Each make target installs what its program imports, so that it works as a person's first command.

Imports are read and not executed: everything is installed where the tests run.
"""

import ast
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

PLACES = [
    ROOT / folder
    for folder in (
        "",
        "packages/template-review/src",
        "packages/ministack-edge/src",
        "lambda/inference",
    )
]
DISTRIBUTIONS = importlib.metadata.packages_distributions()


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def locked(group: str) -> set[str]:
    """The distributions that a group installs."""
    lines = (ROOT / "requirements" / f"{group}.txt").read_text().splitlines()
    return {normal(found[0]) for line in lines if (found := re.match(r"[A-Za-z0-9][\w.-]*", line))}


LOCKED = {path.stem: locked(path.stem) for path in (ROOT / "requirements").glob("*.txt")}


def programs() -> Iterator[tuple[str, frozenset[str], str]]:
    """Target, installed groups and module of every program of ours that the Makefile starts."""
    for block in (ROOT / "Makefile").read_text().split("\n\n"):
        target = re.search(r"^([a-z-]+):(.*)##", block, re.MULTILINE)
        installs = re.search(r"\$\(INSTALL\)([a-z ]*)", block)
        if target is None or (installs is None and "install" not in target[2].split()):
            continue
        groups = frozenset((installs[1].split() if installs else None) or ["runtime"])
        for module in re.findall(r'python" -m ([a-z_.]+)', block):
            if module != "pytest":
                yield target[1], groups, module


def source(module: str) -> Path | None:
    for place in PLACES:
        path = place.joinpath(*module.split("."))
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.exists():
                return file
    return None


def at_import(body: list[ast.stmt]) -> Iterator[str]:
    """What a module imports when it is imported: not what its functions import, nor its types."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            inner = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in inner if source(name))
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            yield from at_import(node.body)


def third_parties(module: str, known: dict[str, set[str]]) -> set[str]:
    """The packages that are not ours which importing a module needs."""
    found: set[str] = set()
    waiting, seen = [module], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting += [name.rpartition(".")[0]] if "." in name else []
        file = source(name)
        if file is not None:
            if name not in known:
                known[name] = set(at_import(ast.parse(file.read_text(encoding="utf-8")).body))
            waiting += known[name]
            continue
        first = name.partition(".")[0]
        if first in DISTRIBUTIONS and first not in sys.stdlib_module_names:
            found.add(first)
    return found


@pytest.fixture(scope="module")
def known():
    """What each module imports, so that each file is read once."""
    return {}


@pytest.mark.parametrize(
    ("target", "groups", "module"), [pytest.param(*each, id=each[0]) for each in programs()]
)
def test_a_target_installs_what_its_program_imports(target, groups, module, known):
    installed = set().union(*(LOCKED[group] for group in groups))
    needed = third_parties(f"{module}.__main__" if source(f"{module}.__main__") else module, known)
    missing = {
        name
        for name in needed
        if source(name) is None and not installed & set(map(normal, DISTRIBUTIONS[name]))
    }
    assert not missing, f"make {target} installs {sorted(groups)}; {module} imports {missing}"


def test_the_programs_are_found():
    found = {target for target, _, _ in programs()}
    assert {"rehearse", "review", "promote", "new-environment", "label"} <= found
