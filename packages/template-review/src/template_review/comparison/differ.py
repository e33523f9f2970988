# SPDX-License-Identifier: Apache-2.0
"""The CDK's own semantic differ (what `cdk diff` uses), called once for all pairs of templates."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from template_review.comparison.moves import follow
from template_review.errors import ReviewError
from template_review.model import Assembly, Pair, Project, ResourceChange

SCRIPT = Path(__file__).with_name("differ.cjs")
MODULES = ("@aws-cdk/cloudformation-diff", "@aws-cdk/aws-service-spec")
_EMPTY: dict[str, Any] = {"Resources": {}}


def compare(
    pairs: Sequence[tuple[str, Assembly | None, Assembly | None]],
    *,
    root: Path | None = None,
    follow_moves: bool = True,
    project: Project | None = None,
) -> list[Pair]:
    """Each environment's assemblies with the differences of their stacks.

    A base elsewhere is compared as if it were where the head is, and ``Pair.moves`` says so.
    Without ``follow_moves`` it is left as it is deployed. ``root`` is where node_modules is looked
    for first; then in the working directory and in NODE_PATH.
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
    found = _run(unequal, root=root or Path.cwd()) if unequal else {}
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
            project=project or Project(),
        )
        for name, base, head in pairs
    ]


def _run(
    templates: Mapping[str, Mapping[str, Any]], *, root: Path
) -> dict[str, list[dict[str, Any]]]:
    binaries = [root / ".venv" / "bin", Path(sys.executable).parent, os.environ.get("PATH", "")]
    modules = [root / "node_modules", Path.cwd() / "node_modules", os.environ.get("NODE_PATH", "")]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join(map(str, binaries)),
        "NODE_PATH": os.pathsep.join(map(str, modules)),
    }
    try:
        done = subprocess.run(
            ["node", str(SCRIPT)],
            cwd=root,
            input=json.dumps(templates),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ReviewError("node is missing: install Node.js (the CDK needs it, too)") from error
    if done.returncode:
        if "Cannot find module" in done.stderr:
            raise ReviewError(
                f"{root / 'node_modules'} lacks {' or '.join(MODULES)}: "
                f"npm install {' '.join(MODULES)}"
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
