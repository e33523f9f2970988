# SPDX-License-Identifier: Apache-2.0
"""The CDK's own semantic differ (what `cdk diff` uses), called once for all pairs of templates."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.review.errors import ReviewError
from tools.review.model import Assembly, Pair, ResourceChange
from tools.review.moves import follow

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPT = Path(__file__).with_name("differ.cjs")
_EMPTY: dict[str, Any] = {"Resources": {}}


def compare(
    pairs: Sequence[tuple[str, Assembly | None, Assembly | None]],
    *,
    root: Path = ROOT,
    follow_moves: bool = True,
) -> list[Pair]:
    """Each environment's assemblies with the differences of their stacks.

    A base elsewhere is compared as if it were where the head is, and ``Pair.moves`` says so.
    Without ``follow_moves`` it is left as it is deployed.
    """
    moved = {name: follow(base, head) if follow_moves else (base, []) for name, base, head in pairs}
    pairs = [(name, moved[name][0], head) for name, _, head in pairs]
    templates = {
        f"{name}/{stack}": {"base": _template(base, stack), "head": _template(head, stack)}
        for name, base, head in pairs
        for stack in _stacks(base, head)
    }
    # Most stacks of most changes are equal; the differ need not see them.
    unequal = {key: both for key, both in templates.items() if both["base"] != both["head"]}
    found = _run(unequal, root=root) if unequal else {}
    return [
        Pair(
            environment=name,
            base=base,
            head=head,
            changes={
                stack: [ResourceChange(**change) for change in found.get(f"{name}/{stack}", ())]
                for stack in _stacks(base, head)
            },
            moves=moved[name][1],
        )
        for name, base, head in pairs
    ]


def _run(
    templates: Mapping[str, Mapping[str, Any]], *, root: Path
) -> dict[str, list[dict[str, Any]]]:
    binaries = f"{root / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        done = subprocess.run(
            ["node", str(SCRIPT)],
            cwd=root,
            input=json.dumps(templates),
            env={**os.environ, "PATH": binaries, "NODE_PATH": str(root / "node_modules")},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ReviewError(
            "node is missing: run `make install`, which puts it into .venv"
        ) from error
    if done.returncode:
        if "Cannot find module" in done.stderr:
            raise ReviewError(
                "node_modules lacks @aws-cdk/cloudformation-diff: run `make install`, which "
                "installs package-lock.json"
            )
        raise ReviewError(f"the template differ failed: {done.stderr.strip()[-1500:]}")
    result: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return result


def _stacks(base: Assembly | None, head: Assembly | None) -> list[str]:
    return sorted({*(base.stacks if base else ()), *(head.stacks if head else ())})


def _template(assembly: Assembly | None, stack: str) -> Mapping[str, Any]:
    if assembly is None or stack not in assembly.stacks:
        return _EMPTY
    return assembly.stacks[stack].template
