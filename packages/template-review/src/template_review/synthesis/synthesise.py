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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from template_review.config import Config, prefix_of
from template_review.config import names as environments
from template_review.errors import ReviewError
from template_review.model import Assembly
from template_review.synthesis.assembly import read_assembly
from template_review.synthesis.tree import check_app

CHILD = Path(__file__).with_name("synth_child.py")
NO_BUILD_FUNCTION = 3


@dataclass(frozen=True)
class Place:
    """Where a synth reads and writes, and its process environment."""

    tree: Path
    output: Path
    environment: Mapping[str, str]


def synthesise(tree: Path, what: str, config: Config) -> dict[str, Assembly]:
    """The assembly of each environment of a tree. Open rule findings do not stop a review.

    Raises ReviewError naming each environment that does not synth, and why.
    """
    check_app(tree, what, config)
    names = environments(config, tree)
    if not names:
        return {}
    settings = json.loads((tree / "cdk.json").read_text(encoding="utf-8-sig"))
    environment = _environment(tree, config)
    build = settings.get("build")
    if build:
        done = _run(["/bin/sh", "-c", build], tree, environment)
        if done.returncode:
            raise ReviewError(
                f"{what}: its build step failed ({build}):\n{_tail(done)}\n"
                "If it needs packages that are not here yet, run it once where there is a network."
            )
    with tempfile.TemporaryDirectory(prefix="template-review-", ignore_cleanup_errors=True) as name:
        output = Path(name)
        place = Place(tree, output, environment)
        errors = _all_at_once(place, names, config) if config.build else None
        if errors is None:
            errors = _one_by_one(place, names, config, settings)
        broken = {
            name: error
            for name, error in errors.items()
            if error and not (output / name / "manifest.json").exists()
        }
        if broken:
            said = "\n".join(f"  {name}: {error}" for name, error in broken.items())
            raise ReviewError(
                f"{what} does not synth:\n{said}\n"
                "Fix it (`cdk synth` shows the same), or choose another base if it is the base."
            )
        return {name: _read(output, name, prefix_of(config, tree, name)) for name in names}


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
    place: Place, names: Sequence[str], config: Config
) -> dict[str, str | None] | None:
    """One process for all environments: starting the CDK takes longer than a synth."""
    more = [str(file) for file in config.project.more_apps]
    command = [sys.executable, str(CHILD), config.build, str(place.output), *names, "--", *more]
    done = _run(command, place.tree, place.environment)
    status = place.output / "status.json"
    if done.returncode == NO_BUILD_FUNCTION:
        return None
    if done.returncode or not status.exists():
        return dict.fromkeys(names, _tail(done))
    found: dict[str, str | None] = json.loads(status.read_text(encoding="utf-8"))
    return found


def _one_by_one(
    place: Place, names: Sequence[str], config: Config, settings: Mapping[str, Any]
) -> dict[str, str | None]:
    """Run the app's own command for each environment, as the CDK's command line would."""
    errors: dict[str, str | None] = {}
    for name in names:
        context = {**(settings.get("context") or {}), config.environment_context: name}
        variables = {
            **place.environment,
            "CDK_OUTDIR": str(place.output / name),
            "CDK_CONTEXT_JSON": json.dumps(context),
        }
        if config.environment_variable:
            variables[config.environment_variable] = name
        command = str(settings.get("app") or f"{shlex.quote(sys.executable)} app.py")
        done = _run(["/bin/sh", "-c", command], place.tree, variables)
        errors[name] = _tail(done) if done.returncode else None
    return errors


def _environment(tree: Path, config: Config) -> dict[str, str]:
    """No credentials, no settings from elsewhere."""
    hidden = ("AWS_", "CDK_", *config.hidden_variables)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
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
