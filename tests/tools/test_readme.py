# SPDX-License-Identifier: Apache-2.0
"""README and docs name commands, settings, files and sections that exist."""

import os
import re
import subprocess
import tomllib

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
DOCUMENTS = sorted(
    path
    for path in [
        *ROOT.glob("*.md"),
        *(ROOT / ".github").rglob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "packages").glob("*/README.md"),
        *(ROOT / "lambda").glob("*/README.md"),
    ]
)
_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def name_of(document):
    return str(document.relative_to(ROOT))


def commands(text):
    """What stands after ``make`` in code blocks and between backquotes; prose may say make sure."""
    code = _FENCE.findall(text) and [found.group() for found in _FENCE.finditer(text)]
    code = [*(code or []), *re.findall(r"`([^`\n]+)`", text)]
    for piece in code:
        for line in piece.splitlines():
            if found := re.match(r"\s*(?:\$ )?make ([a-z][a-z-]+)(.*)", line):
                yield found[1], found[2]


def anchors(document):
    """The anchors of a page's headings, as GitHub and the site make them."""
    text = _FENCE.sub("", document.read_text())
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        yield re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def test_the_readme_is_read_in_three_minutes():
    lines = README.splitlines()
    assert len(lines) <= 120
    assert max(map(len, lines)) <= 400
    # The state and a picture of the product are on the first screen.
    first = "\n".join(lines[:15])
    assert "not yet deployed to a real AWS account" in first
    assert "docs/pictures/camera-page.png" in first


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_make_command_exists_with_its_settings(document):
    for command, rest in commands(document.read_text()):
        assert command in TARGETS, f"make {command}"
        for setting in re.findall(r"\b([A-Z][A-Z_]+)=", rest):
            passed = rf"^{setting} \?=|\$\({setting}\)|\$\{{{setting}\b|\b{setting}="
            assert re.search(passed, MAKEFILE, re.M), f"make {command} {setting}="


def test_the_gate_is_the_readmes_test_command():
    block = README.split("```\nmake rehearse\n", 1)[1].split("```", 1)[0]
    assert block.strip() == "make test"
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("exec make test COVERAGE=1")


def test_every_setting_of_a_rehearsal_that_is_described_is_one():
    page = (ROOT / "docs" / "tutorials" / "first-rehearsal.md").read_text()
    described = set(re.findall(r"^\| `([A-Z_]+)=", page, re.MULTILINE))
    recipe = MAKEFILE.split("\nrehearse: ", 1)[1].split(".PHONY", 1)[0]
    passed = set(re.findall(r"\$(?:\$\{|\((?:if )?\$?\(?)([A-Z_]+)[)}]", recipe))
    passed -= {"INSTALL", "BIN"}
    assert described == passed


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_to_a_file_and_a_heading(document):
    text = _FENCE.sub("", document.read_text())
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        if anchor:
            assert anchor in set(anchors(file)), target


def test_the_site_does_not_link_out_of_its_folder():
    for document in (ROOT / "docs").rglob("*.md"):
        for target in _LINK.findall(_FENCE.sub("", document.read_text())):
            if not re.match(r"[a-z]+:|#", target):
                file = (document.parent / target.partition("#")[0]).resolve()
                assert file.is_relative_to(ROOT / "docs"), f"{name_of(document)}: {target}"


@pytest.mark.parametrize(
    "document", [each for each in DOCUMENTS if "packages" not in each.parts], ids=name_of
)
def test_paths_in_backquotes_exist(document):
    """Only paths of folders that hold source: `s3://bucket/x` and `photos/` are examples."""
    roots = "infra|stacks|lambda|training|contracts|rehearsal|tools|packages|tests"
    for path in re.findall(rf"`((?:{roots})/[\w./-]+)`", document.read_text()):
        assert (ROOT / path).exists(), path


def test_the_sections_of_an_environment_file_are_the_ones_described():
    page = (ROOT / "docs" / "environments.md").read_text()
    for file in sorted((ROOT / "environments").glob("*.toml")):
        sections = {
            key for key, value in tomllib.loads(file.read_text()).items() if isinstance(value, dict)
        }
        assert sections <= set(re.findall(r"^\| `\[([a-z]+)\]`", page, re.MULTILINE)), file.name


def test_the_destroy_table_has_a_row_for_each_removal_in_use():
    page = (ROOT / "docs" / "destroy.md").read_text()
    for file in sorted((ROOT / "environments").glob("*.toml")):
        removal = tomllib.loads(file.read_text())["removal"]
        assert re.search(rf"^\| `{removal}` \(", page, re.MULTILINE), f"{file.stem}: {removal}"


def test_make_alone_shows_what_to_do_first_next_and_daily():
    # As a person calls it: `make test` runs this test below another make.
    alone = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    shown = subprocess.run(
        ["make"], cwd=ROOT, env=alone, capture_output=True, text=True, check=True
    ).stdout
    assert max(map(len, shown.splitlines())) <= 100
    titles = [line.split(":")[0] for line in shown.splitlines() if line and line[0].isalpha()]
    assert titles[:3] == ["First", "Next", "Daily"]
    listed = re.findall(r"^  make ([a-z-]+) ", shown, re.MULTILINE)
    assert sorted(listed) == sorted(TARGETS)
    assert listed[0] == "rehearse"


def test_headings_that_programs_name_exist():
    """A program may say: docs/runbook.md, 'A heading', says what to do."""
    named = []
    for file in (ROOT / "tools").rglob("*.py"):
        text = file.read_text()
        if constant := re.search(r"^_RUNBOOK = .*?\"(docs/\S+?\.md)(?:, '([^']+)')?", text, re.M):
            named += [(constant[1], constant[2])] if constant[2] else []
            named += [(constant[1], each) for each in re.findall(r"\{_RUNBOOK\}, '([^']+)'", text)]
    assert len(named) >= 2
    for page, heading in named:
        assert re.search(rf"^#+ {re.escape(heading)}$", (ROOT / page).read_text(), re.M), heading


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_placeholders_are_in_backquotes(document):
    """A browser takes <prefix> in running text for an HTML element and shows nothing."""
    text = re.sub(r"<!--.*?-->|`[^`]*`", "", _FENCE.sub("", document.read_text()), flags=re.DOTALL)
    assert re.findall(r"(?<!\\)<(?!br)/?[a-zA-Z][\w -]*>", text) == []


@pytest.mark.parametrize(
    "document", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name
)
def test_lists_look_the_same_on_the_site_and_on_github(document):
    """Python-Markdown wants a blank line before a list, and four spaces for what is inside one."""
    inside, before = False, ""
    for number, line in enumerate(document.read_text().splitlines(), start=1):
        place = f"{document.name}:{number}: {line}"
        fence = re.match(r" *```", line)
        if not inside and re.match(r"([-*]|\d+\.) ", line):
            assert not before.strip() or re.match(r"[-* #]|\d+\. ", before), f"blank line: {place}"
        if not inside:
            assert not re.match(r" {1,3}(```|\||[-*] |\d+\. )", line), f"four spaces: {place}"
        inside ^= bool(fence)
        before = line
