# SPDX-License-Identifier: Apache-2.0
"""Numbers that a rehearsal cannot use are refused before anything starts."""

import sys

import pytest

from rehearsal.fleet import __main__ as fleet


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--cameras", "0", "CAMERAS=0: allowed: a whole number from 1"),
        ("--cameras", "ten", "CAMERAS=ten: allowed"),
        ("--cameras", "9" * 30, "allowed: a whole number from 1 to 1,000,000"),
        ("--real", "-1", "REAL=-1: allowed: a whole number from 0"),
        ("--seed", "x", "SEED=x: allowed"),
        ("--seeds", "0", "SEEDS=0: allowed"),
        ("--hours", "-1", "HOURS=-1: allowed: more than 0"),
        ("--hours", "nan", "HOURS=nan: allowed: more than 0"),
        ("--port", "70000", "PORT=70000: allowed: 1 to 65535"),
    ],
)
def test_a_number_that_cannot_be_used_is_named(
    option: str,
    value: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["fleet", f"{option}={value}"])
    with pytest.raises(SystemExit) as ended:
        fleet.main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
