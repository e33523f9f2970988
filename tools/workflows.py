# SPDX-License-Identifier: Apache-2.0
"""Check in the workflows what neither GitHub's schema nor zizmor looks at.

What an expression refers to, what a job may write here, shell, and gates: a job that decides by
another job's result must run when that one fails, because GitHub counts a skipped job as passed.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".github" / "workflows"
SHELLCHECK = Path(sys.executable).with_name("shellcheck")

WRITES = {"id-token", "pull-requests"}
"""What a job may be allowed to write: a token that proves who it is, and a review comment."""

_PIN = re.compile(r"uses: *(\S+?)@([0-9a-f]{40})(?: *# *(\S+))?\s*$", re.MULTILINE)
_VERSION = re.compile(r"v\d+\.\d+\.\d+")
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_REFERENCE = re.compile(r"\b(steps|needs|inputs)\.([A-Za-z_][\w-]*)(?:\.outputs\.([\w-]+))?")
_ALWAYS = re.compile(r"(\$\{\{\s*)?always\(\)(\s*\}\})?")
_SHELL = "#!/usr/bin/env bash\nset -eo pipefail\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every fault with its file; 1 if there is one."""
    given = sys.argv[1:] if arguments is None else arguments
    files = [Path(one) for one in given] or sorted(FOLDER.glob("*.yml"))
    faults = [f"{file}: {fault}" for file in files for fault in check(file)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def check(file: Path) -> Iterator[str]:
    """Everything wrong in one workflow."""
    text = file.read_text(encoding="utf-8")
    try:
        workflow = YAML(typ="safe").load(text)
    except YAMLError as error:
        yield f"not YAML: {error}"
        return
    yield from _pins(text)
    if workflow.get("permissions") != {"contents": "read"}:
        yield "permissions: the workflow's own must be exactly contents: read"
    if "secrets." in text:
        yield "secrets: none is stored; use OIDC and github.token"
    jobs = workflow.get("jobs") or {}
    events = workflow.get("on")
    call = events.get("workflow_call") if isinstance(events, Mapping) else None
    inputs = set((call or {}).get("inputs") or {})
    for name, job in jobs.items():
        for fault in _job(job, jobs, inputs):
            yield f"job {name}: {fault}"


def _pins(text: str) -> Iterator[str]:
    """A commit says nothing to people, and Dependabot moves the version in the comment with it."""
    for action, reference, comment in _PIN.findall(text):
        if not _VERSION.fullmatch(comment):
            yield f"{action}@{reference[:8]}: name its version, such as # v1.2.3"


def _job(job: Mapping[str, Any], jobs: Mapping[str, Any], inputs: set[str]) -> Iterator[str]:
    for scope, access in (job.get("permissions") or {}).items():
        if access == "write" and scope not in WRITES:
            yield f"permissions: {scope}: write is not needed by any job"
    needs = job.get("needs") or []
    needed = [needs] if isinstance(needs, str) else list(needs)
    for other in needed:
        if other not in jobs:
            yield f"needs {other!r}: there is no such job"
    yield from _references(job, {other: jobs.get(other, {}) for other in needed}, inputs)
    if "uses" in job:
        return
    yield from _gate(job, needed)
    if "timeout-minutes" not in job:
        yield "timeout-minutes is missing: a hung job would hold its runner for six hours"
    if str(job.get("runs-on", "")).endswith("-latest"):
        yield f"runs-on {job['runs-on']!r}: name the image's version"
    if (job.get("permissions") or {}).get("id-token") == "write" and "environment" not in job:
        yield "id-token without an environment: no role would trust it"
    for number, step in enumerate(job.get("steps") or [], start=1):
        for fault in _step(step):
            yield f"step {step.get('name') or step.get('id') or number}: {fault}"


def _gate(job: Mapping[str, Any], needed: Sequence[str]) -> Iterator[str]:
    """A job that reads what another one found out says nothing when it is skipped with it."""
    used = {(name, output) for kind, name, output in _used(job) if kind == "needs"}
    for name in needed:
        if not any(one == name for one, _ in used):
            continue
        if not _ALWAYS.fullmatch(str(job.get("if", "")).strip()):
            yield (
                f"needs.{name}: without `if: always()` the job is skipped when {name} fails, and a "
                "required check that is skipped counts as passed"
            )
        elif f"needs.{name}.result" not in str(job):
            yield f"needs.{name}.result: it must be looked at, since the job runs when {name} fails"


def _step(step: Mapping[str, Any]) -> Iterator[str]:
    script = step.get("run")
    if script is None:
        return
    done = subprocess.run(
        [SHELLCHECK, "--format=gcc", "-"],
        input=_SHELL + script,
        capture_output=True,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        yield f"shellcheck {line.removeprefix('-:')}"


def _references(
    job: Mapping[str, Any], needed: Mapping[str, Any], inputs: set[str]
) -> Iterator[str]:
    """Names in expressions that nothing defines: GitHub takes them for empty, silently."""
    steps = {step["id"] for step in job.get("steps") or [] if "id" in step}
    for kind, name, output in sorted(_used(job)):
        if kind == "steps" and name not in steps:
            yield f"steps.{name}: no step of this job has that id"
        elif kind == "inputs" and name not in inputs:
            yield f"inputs.{name}: the workflow has no such input"
        elif kind == "needs" and name not in needed:
            yield f"needs.{name}: not in this job's needs"
        elif kind == "needs" and output and output not in (needed[name].get("outputs") or {}):
            yield f"needs.{name}.outputs.{output}: that job has no such output"


def _used(value: Any) -> set[tuple[str, str, str]]:
    if isinstance(value, str):
        return {
            found
            for expression in _EXPRESSION.findall(value)
            for found in _REFERENCE.findall(expression)
        }
    parts = value.values() if isinstance(value, Mapping) else value
    if isinstance(parts, str) or not hasattr(parts, "__iter__"):
        return set()
    return {found for part in parts for found in _used(part)}


if __name__ == "__main__":
    sys.exit(main())
