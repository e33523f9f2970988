# SPDX-License-Identifier: Apache-2.0
"""The templates are what a reviewer has agreed to."""

import difflib
from pathlib import Path

import pytest

from infra.config import settings
from template_review.rendering.summary import summary
from template_review.synthesis.assembly import read_assembly
from tests.synth.conftest import ENVIRONMENTS, ROOT, STACKS, Assemblies
from tests.synth.normalise import normalise
from tests.synth.variants import SHOWN
from tools.template_review_plugin import PROJECT

SNAPSHOTS = Path(__file__).with_name("snapshots")
SUMMARY = "SUMMARY.md"
UPDATE = "make snapshots"
SHOWN_LINES = 60


def agree(path: Path, text: str, *, update: bool) -> None:
    """Write what is agreed, or fail naming the first line that is not, and what to do.

    Either the program has changed or the file was edited by hand: only a person can tell.
    """
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    where = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    if not path.is_file():
        pytest.fail(f"{where} is missing; `{UPDATE}` writes it", pytrace=False)
    agreed, found = path.read_text(encoding="utf-8").splitlines(), text.splitlines()
    if agreed == found:
        return
    line = next(
        (
            number
            for number, both in enumerate(zip(agreed, found, strict=False), 1)
            if len(set(both)) > 1
        ),
        min(len(agreed), len(found)) + 1,
    )
    difference = list(difflib.unified_diff(agreed, found, "agreed", "synthesised", "", "", 2, ""))
    more = [f"… {len(difference) - SHOWN_LINES} more lines"] * (len(difference) > SHOWN_LINES)
    pytest.fail(
        f"{where}, line {line}: not what is synthesised now. If the templates are meant to change, "
        f"`{UPDATE}` writes the file again; if somebody edited it, git checkout restores it.\n"
        + "\n".join([*difference[:SHOWN_LINES], *more]),
        pytrace=False,
    )


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    """Whether the snapshots are written instead of compared."""
    return bool(request.config.getoption("--update-snapshots", default=False))


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_template_is_the_agreed_one(
    assemblies: Assemblies, environment: str, stack: str, *, update: bool
) -> None:
    text = normalise(assemblies.template(environment, stack))
    agree(SNAPSHOTS / environment / f"{stack}.json", text, update=update)


@pytest.mark.parametrize(("variant", "stack"), SHOWN.items())
def test_the_stack_of_a_variant_is_the_agreed_one(
    assemblies: Assemblies, variant: str, stack: str, *, update: bool
) -> None:
    """The other stacks are dev's, but for the exports that this stack asks for."""
    text = normalise(assemblies.template(variant, stack))
    agree(SNAPSHOTS / variant / f"{stack}.json", text, update=update)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_summary_is_the_agreed_one(
    assemblies: Assemblies, environment: str, *, update: bool
) -> None:
    prefix = settings.load(environment).prefix
    assembly = read_assembly(assemblies.path(environment), environment, prefix)
    text = summary(assembly, PROJECT, f"Generated from the templates; `{UPDATE}` writes it again.")
    agree(SNAPSHOTS / environment / SUMMARY, text, update=update)


def test_no_snapshot_is_left_over(*, update: bool) -> None:
    expected = {
        SNAPSHOTS / environment / name
        for environment in ENVIRONMENTS
        for name in (SUMMARY, *(f"{stack}.json" for stack in STACKS))
    } | {SNAPSHOTS / variant / f"{stack}.json" for variant, stack in SHOWN.items()}
    left_over = {path for path in SNAPSHOTS.rglob("*") if path.is_file()} - expected
    if update:
        for path in left_over:
            path.unlink()
        return
    assert not left_over, f"no template belongs to {sorted(left_over)}; {UPDATE} removes them"


def refused(path: Path, text: str) -> str:
    """What is said of a snapshot that is not the text."""
    with pytest.raises(pytest.fail.Exception) as caught:
        agree(path, text, update=False)
    return str(caught.value)


def test_a_snapshot_edited_by_hand_is_named_with_its_line_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "Data.json"
    agree(path, "one\ntwo\nthree\n", update=True)
    agree(path, "one\ntwo\nthree\n", update=False)
    path.write_text("one\n2\nthree\n", encoding="utf-8")
    said = refused(path, "one\ntwo\nthree\n")
    for part in (f"{path}, line 2", "-2", "+two", UPDATE, "git checkout"):
        assert part in said
    path.write_text("one\ntwo\nthree\nfour\n", encoding="utf-8")
    assert f"{path}, line 4" in refused(path, "one\ntwo\nthree\n")


def test_a_missing_snapshot_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path / 'Edge.json'} is missing; `{UPDATE}`" in refused(tmp_path / "Edge.json", "")


def test_snapshots_of_the_project_are_named_from_its_root() -> None:
    path = SNAPSHOTS / ENVIRONMENTS[0] / SUMMARY
    assert refused(path, "").startswith(f"{path.relative_to(ROOT)}, line 1:")
