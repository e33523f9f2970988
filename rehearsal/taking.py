# SPDX-License-Identifier: Apache-2.0
"""Environment files of other accounts that take the models of an environment."""

import re
import shutil
from pathlib import Path

from rehearsal.errors import RehearsalError

HEARS, IS_TOLD = "hears", "is-told"
"""The environments that take the model: by the approval's event, and by `make promote`."""
_PLACES = {
    HEARS: ("666666666666", "eu-west-1", "manual"),
    IS_TOLD: ("777777777777", "us-west-2", "automatic"),
}
"""Account, region and who approves."""


def moved(text: str, *, account: str, region: str) -> str:
    """An environment file for another account and region."""
    for key, value in (("account", account), ("region", region)):
        text, count = re.subn(f'(?m)^{key} = ".*"', f'{key} = "{value}"', text)
        if count != 1:
            raise RehearsalError(f"the environment's file has {key} on {count} lines; allowed: one")
    return text


def taking(text: str, source: str, approval: str) -> str:
    """An environment file that takes the models of another environment instead of training."""
    section = f'[training]\nfrom = "{source}"\napproval = "{approval}"\n\n'
    text, count = re.subn(r"(?ms)^\[training\]\n.*?(?=^\[)", lambda _: section, text)
    if count != 1:
        raise RehearsalError("the environment's file has no [training] before another section")
    return text


def environments_that_take(source: Path, folder: Path) -> None:
    """Write an environment's file and those of two that take its models to a new folder."""
    text = source.read_text(encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(source, folder)
    [prefix] = re.findall(r'(?m)^prefix = "(.*)"', text)
    for name, (account, region, approval) in _PLACES.items():
        one = moved(text.replace(prefix, f"binsight-{name}"), account=account, region=region)
        (folder / f"{name}.toml").write_text(taking(one, source.stem, approval), encoding="utf-8")
