# SPDX-License-Identifier: Apache-2.0
"""Environment files whose rollouts do not wait: the local AWS shortens waits, not what is compared
with a clock."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from contracts.atomic_file import write_file
from infra.config.settings import folder


def without_bake(work: Path) -> None:
    """Let this process and those it starts find all environments with a bake of 0 minutes.

    ``work`` is the rehearsal's folder; the files go to its folder ``environments``.
    """
    source, target = folder(), work / "environments"
    if source.resolve() != target.resolve():
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
    for file in sorted(source.glob("[!.]*.toml")):
        text = file.read_text(encoding="utf-8-sig")
        write_file(target / file.name, with_rollout(text, {"bake_minutes": 0}))
    os.environ["BINSIGHT_ENVIRONMENTS"] = str(target)


def with_rollout(text: str, values: Mapping[str, int]) -> str:
    """An environment file with these values in ``[rollout]``, in place of its own."""
    kept = "".join(
        line for line in text.splitlines(keepends=True) if line.partition(" ")[0] not in values
    )
    if "[rollout]\n" not in kept:
        kept += "\n[rollout]\n"
    lines = "".join(f"{key} = {value}\n" for key, value in values.items())
    return kept.replace("[rollout]\n", f"[rollout]\n{lines}", 1)
