# SPDX-License-Identifier: Apache-2.0
"""docs/camera.md and the camera program's README list every kind of source and its options."""

from pathlib import Path

import pytest

from contracts.source_uris import KINDS

PAGE = Path(__file__).parents[2] / "docs/camera.md"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_source_is_in_the_docs(kind):
    row = next(
        (
            line
            for line in PAGE.read_text(encoding="utf-8").splitlines()
            if line.startswith(f"| `{kind.scheme}:")
        ),
        "",
    )
    assert row, f"docs/camera.md has no row for {kind.scheme}:"
    for option in kind.options:
        assert f"`{option}`" in row, f"docs/camera.md: {kind.scheme}: lacks the option {option}"
