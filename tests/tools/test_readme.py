# SPDX-License-Identifier: Apache-2.0
"""The README's commands are those that exist and are tested."""

import re
import tomllib

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_every_make_command_in_the_documents_exists():
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for document in documents:
        for command in re.findall(r"\bmake ([a-z][a-z-]+)", document.read_text()):
            # Prose may say "make sure"; a command stands in a code block or between backquotes.
            if re.search(rf"(`make {command}|^make {command})", document.read_text(), re.MULTILINE):
                assert command in TARGETS, f"{document.name}: make {command}"


def test_the_gate_is_the_readmes_test_command():
    block = README.split("```\nmake rehearse\n", 1)[1].split("```", 1)[0]
    assert block.strip() == "make test"
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("exec make test")


def test_every_setting_of_make_that_the_readme_names_is_one():
    names = {name for name in re.findall(r"`([A-Z_]+)=", README) if name != "PATH"}
    assert names
    for name in names:
        assert re.search(rf"^{name} \?=|\$\({name}\)", MAKEFILE, re.MULTILINE), name


@pytest.mark.parametrize("path", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_links_lead_somewhere(path):
    assert (ROOT / path).exists()


def test_the_sections_of_an_environment_file_are_the_ones_described():
    for file in sorted((ROOT / "environments").glob("*.toml")):
        sections = {
            key for key, value in tomllib.loads(file.read_text()).items() if isinstance(value, dict)
        }
        assert sections <= set(re.findall(r"^\| `\[([a-z]+)\]`", README, re.MULTILINE)), file.name


def test_the_destroy_table_says_what_each_environment_does():
    for file in sorted((ROOT / "environments").glob("*.toml")):
        removal = tomllib.loads(file.read_text())["removal"]
        [named] = re.findall(rf"^\| `{removal}` \((.*?)\)", README, re.MULTILINE)
        assert file.stem in named.split(", "), f"{file.stem} has removal {removal}"
