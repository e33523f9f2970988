# SPDX-License-Identifier: Apache-2.0
"""The templates are what a reviewer has agreed to."""

import difflib
from pathlib import Path

import pytest

from tests.synth.conftest import ENVIRONMENTS, STACKS, Assemblies
from tests.synth.normalise import normalise

SNAPSHOTS = Path(__file__).with_name("snapshots")
UPDATE = "pytest tests/synth --update-snapshots"
SHOWN_LINES = 60


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_template_is_the_agreed_one(
    assemblies: Assemblies, environment: str, stack: str, request: pytest.FixtureRequest
) -> None:
    path = SNAPSHOTS / environment / f"{stack}.json"
    text = normalise(assemblies.template(environment, stack))
    if request.config.getoption("--update-snapshots", default=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    agreed = path.read_text(encoding="utf-8") if path.is_file() else ""
    if text != agreed:
        difference = list(
            difflib.unified_diff(
                agreed.splitlines(), text.splitlines(), "agreed", "synthesised", lineterm="", n=2
            )
        )
        more = f"\n… {len(difference) - SHOWN_LINES} more lines" * (len(difference) > SHOWN_LINES)
        pytest.fail(
            f"{path.relative_to(SNAPSHOTS.parents[2])} differs; if that is meant: {UPDATE}\n"
            + "\n".join(difference[:SHOWN_LINES])
            + more,
            pytrace=False,
        )


def test_no_snapshot_is_left_over(request: pytest.FixtureRequest) -> None:
    expected = {
        SNAPSHOTS / environment / f"{stack}.json"
        for environment in ENVIRONMENTS
        for stack in STACKS
    }
    left_over = {path for path in SNAPSHOTS.rglob("*") if path.is_file()} - expected
    if request.config.getoption("--update-snapshots", default=False):
        for path in left_over:
            path.unlink()
        return
    assert not left_over, f"no template belongs to {sorted(left_over)}; {UPDATE} removes them"
