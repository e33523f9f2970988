# SPDX-License-Identifier: Apache-2.0
"""Synthesises every environment of a tree, without credentials and without the CDK CLI."""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tools.review.assembly import prefix_of, read_assembly
from tools.review.errors import ReviewError
from tools.review.model import Assembly
from tools.review.project import current
from tools.review.tree import check_app, environments

CHILD = Path(__file__).with_name("synth_child.py")
NO_BUILD_FUNCTION = 3


def synthesise(tree: Path, what: str) -> dict[str, Assembly]:
    """The assembly of each environment of a tree. Open rule findings do not stop a review.

    Raises ReviewError naming each environment that does not synth, and why.
    """
    check_app(tree, what)
    names = environments(tree)
    if not names:
        return {}
    settings = json.loads((tree / "cdk.json").read_text(encoding="utf-8"))
    environment = _environment(tree)
    build = settings.get("build")
    if build:
        done = _run(["/bin/sh", "-c", build], tree, environment)
        if done.returncode:
            raise ReviewError(
                f"{what}: its build step failed ({build}):\n{_tail(done)}\n"
                "If it needs packages that are not here yet, run it once where there is a network."
            )
    with tempfile.TemporaryDirectory(prefix="binsight-synth-", ignore_cleanup_errors=True) as name:
        output = Path(name)
        errors = _all_at_once(tree, output, names, environment)
        if errors is None:
            errors = _one_by_one(tree, output, names, environment, settings)
        broken = {
            name: error
            for name, error in errors.items()
            if error and not (output / name / "manifest.json").exists()
        }
        if broken:
            said = "\n".join(f"  {name}: {error}" for name, error in broken.items())
            raise ReviewError(
                f"{what} does not synth:\n{said}\n"
                f"Mend it (make synth ENV={next(iter(broken))} shows the same), or choose "
                "another BASE if it is the base."
            )
        return {name: _read(output, name, prefix_of(tree, name)) for name in names}


def _read(output: Path, name: str, prefix: str) -> Assembly:
    """An environment's assembly, with the stacks of further apps beside its own."""
    found = read_assembly(output / name, name, prefix)
    for folder in sorted(output.glob(f"{name}+*")):
        more = read_assembly(folder, name, prefix)
        found = replace(
            found,
            stacks={**found.stacks, **more.stacks},
            assets={**found.assets, **more.assets},
            findings=[*found.findings, *more.findings],
        )
    return found


def _all_at_once(
    tree: Path, output: Path, names: Sequence[str], environment: Mapping[str, str]
) -> dict[str, str | None] | None:
    """One process for all environments: starting the CDK takes longer than a synth."""
    more = [str(file) for file in current().more_apps]
    done = _run([sys.executable, str(CHILD), str(output), *names, "--", *more], tree, environment)
    status = output / "status.json"
    if done.returncode == NO_BUILD_FUNCTION:
        return None
    if done.returncode or not status.exists():
        return dict.fromkeys(names, _tail(done))
    found: dict[str, str | None] = json.loads(status.read_text(encoding="utf-8"))
    return found


def _one_by_one(
    tree: Path,
    output: Path,
    names: Sequence[str],
    environment: Mapping[str, str],
    settings: Mapping[str, object],
) -> dict[str, str | None]:
    """The way of any CDK app: its own command, told the environment as cdk would."""
    errors: dict[str, str | None] = {}
    for name in names:
        context = {**dict(settings.get("context") or {}), "environment": name}  # type: ignore[call-overload]
        variables = {
            **environment,
            "BINSIGHT_ENVIRONMENT": name,
            "CDK_OUTDIR": str(output / name),
            "CDK_CONTEXT_JSON": json.dumps(context),
        }
        command = str(settings.get("app") or f"{shlex.quote(sys.executable)} app.py")
        done = _run(["/bin/sh", "-c", command], tree, variables)
        errors[name] = _tail(done) if done.returncode else None
    return errors


def _environment(tree: Path) -> dict[str, str]:
    """No credentials, no settings from elsewhere."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("AWS_", "BINSIGHT_", "CDK_"))
    }
    kept["PATH"] = f"{tree / '.venv' / 'bin'}{os.pathsep}{kept.get('PATH', '')}"
    kept["PYTHONDONTWRITEBYTECODE"] = "1"
    return kept


_running: set[subprocess.Popen[str]] = set()
_stopped = threading.Event()


def resume() -> None:
    """Allow synths again, after an earlier review was stopped."""
    _stopped.clear()


def stop() -> None:
    """End every synth that runs, and start no other: Ctrl-C reaches only the review itself."""
    _stopped.set()
    for process in list(_running):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)


def _run(
    command: Sequence[str], tree: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run in a group of its own, so that ``stop`` also ends what the synth started itself."""
    if _stopped.is_set():
        raise ReviewError("stopped")
    with subprocess.Popen(
        list(command),
        cwd=tree,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        _running.add(process)
        if _stopped.is_set():
            stop()
        try:
            output, errors = process.communicate()
        finally:
            _running.discard(process)
    return subprocess.CompletedProcess(list(command), process.returncode, output, errors)


def _tail(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr or done.stdout).strip().splitlines()
    return "\n    ".join(lines[-12:]) or f"exit status {done.returncode}"
