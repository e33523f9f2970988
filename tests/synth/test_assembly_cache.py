# SPDX-License-Identifier: Apache-2.0
"""A synth is used again only where nothing that it reads has changed."""

import json

import pytest

from tests.synth import assembly_cache

PROGRAM = """
import json, sys
from pathlib import Path
folder = Path(sys.argv[1]) / "dev"
folder.mkdir(parents=True)
runs = Path("runs")
runs.write_text(runs.read_text() + "x" if runs.exists() else "x")
(folder / "Data.template.json").write_text(json.dumps(Path("infra/data.py").read_text()))
(folder / "asset.1.zip").write_bytes(b"packed")
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A project of one source file and a program that synthesises it."""
    for name in ("environments", "infra", ".build"):
        (tmp_path / name).mkdir()
    (tmp_path / "infra" / "data.py").write_text("one bucket")
    (tmp_path / "environments" / "dev.toml").write_text("dev")
    (tmp_path / ".build" / "inference.json").write_text("built from this source")
    (tmp_path / "program.py").write_text(PROGRAM)
    monkeypatch.setattr(assembly_cache, "ROOT", tmp_path)
    monkeypatch.setattr(assembly_cache, "CACHE", tmp_path / ".build" / "tests")
    monkeypatch.delenv("BINSIGHT_FRESH", raising=False)
    return tmp_path


def synthesised(tree, name):
    assembly_cache.synthesise("program", tree / name)
    return json.loads((tree / name / "dev" / "Data.template.json").read_text())


def runs(tree):
    return len((tree / "runs").read_text())


def test_the_same_again_is_copied_and_a_spoilt_copy_spoils_nothing(tree):
    assert synthesised(tree, "first") == "one bucket"
    (tree / "first" / "dev" / "Data.template.json").write_text("spoilt")
    assert synthesised(tree, "second") == "one bucket"
    assert (tree / "second" / "dev" / "asset.1.zip").read_bytes() == b"packed"
    assert runs(tree) == 1


@pytest.mark.parametrize(
    "changed",
    ["infra/data.py", "infra/new.py", "environments/dev.toml", "program.py",
     ".build/inference.json"],
)  # fmt: skip
def test_what_a_synth_reads_makes_it_anew(tree, changed):
    synthesised(tree, "first")
    with (tree / changed).open("a") as file:
        file.write("\n")
    synthesised(tree, "second")
    assert runs(tree) == 2


def test_environments_of_another_folder_are_another_synth(tree):
    synthesised(tree, "first")
    (tree / "files").mkdir()
    (tree / "files" / "qa.toml").write_text("qa")
    assembly_cache.synthesise("program", tree / "second", environments=tree / "files")
    assert runs(tree) == 2


def test_fresh_reads_nothing_of_an_earlier_run(tree, monkeypatch):
    synthesised(tree, "first")
    monkeypatch.setenv("BINSIGHT_FRESH", "1")
    synthesised(tree, "second")
    assert runs(tree) == 2


def test_a_failed_synth_leaves_no_entry(tree):
    (tree / "program.py").write_text("raise SystemExit('no such bucket')")
    with pytest.raises(AssertionError, match="no such bucket"):
        synthesised(tree, "first")
    assert [path.name for path in (tree / ".build" / "tests").glob("*/stamps.json")] == []


def test_the_longest_unused_is_forgotten(tree, monkeypatch):
    monkeypatch.setattr(assembly_cache, "KEPT", 2)
    for text in ("one", "two", "three"):
        (tree / "infra" / "data.py").write_text(text)
        synthesised(tree, text)
    assert len(list((tree / ".build" / "tests").glob("*/stamps.json"))) == 2
