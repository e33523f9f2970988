# SPDX-License-Identifier: Apache-2.0
"""Who may import whom: data flows one way, and capabilities do not know each other.

This is the table of the design (docs/architecture.md) as rules, checked on the source itself.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

CAPABILITIES = ("data", "delivery", "edge", "insights", "training")
_SHARED = {"contracts", "infra/assets", "infra/common", "infra/config"}
MAY_IMPORT: dict[str, set[str]] = {
    "contracts": set(),
    "infra/config": {"contracts"},
    "infra/assets": {"contracts", "infra/config"},
    "infra/checks": {"contracts", "infra/config"},
    # A role carries its acknowledgements, and the packs that they are for are attached there.
    "infra/common": {"infra/assets", "infra/checks", "infra/config"},
    **{f"infra/{name}": _SHARED for name in CAPABILITIES},
    "stacks": {"contracts", "infra/checks", *_SHARED, *(f"infra/{name}" for name in CAPABILITIES)},
    "lambda": {"contracts"},
    "training": {"contracts"},
    "packages": set(),
}
"""For each part, the other parts of this repository that it may import."""
OURS = {
    "app", "benchmarks", "contracts", "infra", "packages", "rehearsal", "stacks", "tests", "tools",
    "training",
}  # fmt: skip


def part(path: str) -> str:
    """The part of the repository that a module or file path is in; infra has one per folder."""
    first, *rest = path.split("/")
    return f"infra/{rest[0]}" if first == "infra" and rest else first


def imports(source: str) -> Iterator[str]:
    """The modules of this repository that a source file imports, wherever in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
            if node.module == "infra":  # from infra import edge
                names = [f"infra.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.partition(".")[0] in OURS)


def trespasses(path: str, source: str) -> list[str]:
    """The imports of a file that its part does not allow."""
    own = part(path)
    reached = {part(name.replace(".", "/")) for name in imports(source)}
    return sorted(reached - {own} - MAY_IMPORT[own])


def sources(folder: str) -> list[Path]:
    """The Python files below a folder, without what was installed or built there."""
    return [
        file
        for file in sorted((ROOT / folder).rglob("*.py"))
        if not {".venv", ".build", "node_modules", "tests"}.intersection(file.parts)
    ]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_part_imports_what_the_design_allows(folder: str) -> None:
    files = sources(folder)
    assert files
    found = {
        str(file.relative_to(ROOT)): wrong
        for file in files
        if (wrong := trespasses(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_every_folder_of_infra_has_a_rule() -> None:
    folders = {
        f"infra/{one.name}" for one in (ROOT / "infra").iterdir() if (one / "__init__.py").exists()
    }
    assert folders == {name for name in MAY_IMPORT if name.startswith("infra/")}


def test_nothing_of_the_product_imports_the_rehearsal() -> None:
    for name, allowed in MAY_IMPORT.items():
        assert "rehearsal" not in allowed, name


@pytest.mark.parametrize(
    ("path", "line", "wrong"),
    [
        (
            "infra/edge/rollout.py",
            "from infra.training.roles import TrainingRoles",
            "infra/training",
        ),
        ("infra/data/key.py", "from infra import insights", "infra/insights"),
        ("infra/config/settings.py", "import infra.common.stack", "infra/common"),
        ("infra/common/role.py", "def f():\n    from rehearsal import progress", "rehearsal"),
        ("lambda/rollout/rollout/package.py", "from infra.config import limits", "infra/config"),
        ("contracts/bins.py", "import infra.config.settings", "infra/config"),
    ],
)
def test_a_forbidden_import_is_noticed(path: str, line: str, wrong: str) -> None:
    assert trespasses(path, line) == [wrong]
