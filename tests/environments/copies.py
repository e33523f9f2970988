# SPDX-License-Identifier: Apache-2.0
"""Copies of one environment: two in one account and region, others in other places."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.synth import assembly_cache
from tests.synth.conftest import ROOT

ORIGINAL = ROOT / "environments" / "dev.toml"
ORIGINAL_PREFIX = "binsight-dev"


@dataclass(frozen=True, kw_only=True)
class Copy:
    """An environment file that differs from the original in these three values and no other."""

    name: str
    account: str
    region: str
    prefix: str

    @property
    def place(self) -> tuple[str, str]:
        """The account and region."""
        return self.account, self.region


ALL = (
    Copy(name="first", account="111111111111", region="us-east-1", prefix="binsight-one"),
    Copy(name="second", account="111111111111", region="us-east-1", prefix="binsight-two"),
    Copy(name="elsewhere", account="222222222222", region="us-east-1", prefix="binsight-one"),
    Copy(name="overseas", account="333333333333", region="eu-west-1", prefix="binsight-one"),
)
"""Two prefixes in one account and region; the first one unchanged in another account, and in
another account and region."""

COPIES = ALL if os.environ.get("BINSIGHT_COPIES") == "all" else ALL[:2]
"""What the tests deploy: without `make prove-environments` the two that are nearest."""


def write(folder: Path, copies: Sequence[Copy]) -> None:
    """The environment files."""
    folder.mkdir(parents=True)
    for copy in copies:
        text = ORIGINAL.read_text(encoding="utf-8").replace(ORIGINAL_PREFIX, copy.prefix)
        for key, value in (("account", copy.account), ("region", copy.region)):
            text, count = re.subn(f'(?m)^{key} = ".*"$', f'{key} = "{value}"', text)
            assert count == 1, f"{ORIGINAL}: {key} is not on one line of its own"
        (folder / f"{copy.name}.toml").write_text(text, encoding="utf-8")


def synthesise(environments: Path, output: Path) -> None:
    """All of them in one process: starting the CDK takes longer than a synth."""
    assembly_cache.synthesise("tests.environments.synthesise", output, environments=environments)
