# SPDX-License-Identifier: Apache-2.0
"""The unpatched CDK command line, run against the local AWS."""

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rehearsal.errors import RehearsalError

ROOT = Path(__file__).resolve().parent.parent
_NEWS = re.compile(r"(CREATE|UPDATE|DELETE)_(IN_PROGRESS|COMPLETE|FAILED)\s*\|\s*(\S+)")


@dataclass(frozen=True, kw_only=True)
class Cdk:
    """Runs ``cdk`` for one environment.

    ``environment`` is the process environment that leads it to the local AWS; ``assembly`` is the
    folder of the synthesised templates; everything it prints goes to ``log``.
    """

    name: str
    environment: Mapping[str, str]
    assembly: Path
    log: Path
    progress: Callable[[str], None]

    def synth(self) -> None:
        """Build the assets and write the templates, exactly as ``cdk deploy`` would."""
        self._run("synth", "--quiet", "--output", str(self.assembly))

    def bootstrap(self, account: str, region: str, *policies: str) -> None:
        """The CDK's own bootstrap stack, its default template.

        ``policies`` are the ARNs of what CloudFormation may do; without one it may do everything.
        """
        limits = ["--cloudformation-execution-policies", ",".join(policies)] if policies else []
        # Given the assembly, or the CLI would synthesise once more only to look for it.
        self._run("bootstrap", f"aws://{account}/{region}", *limits, "--app", str(self.assembly))

    def deploy(self, *options: str) -> int:
        """Deploy every stack; return how many of them changed."""
        text = self._run(
            *("deploy", "--all", "--require-approval", "never", "--progress", "events"),
            *("--app", str(self.assembly), *options),
        )
        return count_changed(text)

    def destroy(self) -> None:
        """Delete every stack of the environment."""
        self._run("destroy", "--all", "--force", "--app", str(self.assembly))

    def _run(self, command: str, *arguments: str) -> str:
        """Run one command to its end; return what it printed."""
        cdk = ROOT / ".venv" / "bin" / "cdk"
        lines: list[str] = []
        with (
            self.log.open("a", encoding="utf-8") as log,
            subprocess.Popen(
                [str(cdk), command, *arguments, "--context", f"environment={self.name}"],
                cwd=ROOT,
                env={**_clean_environment(), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            ) as process,
        ):
            print(f"$ cdk {command} {' '.join(arguments)}", file=log, flush=True)
            try:
                for line in process.stdout or ():
                    log.write(line)
                    lines.append(line)
                    if event := _NEWS.search(line):
                        self.progress(f"{event[1].lower()} {event[3]}")
            except BaseException:
                # The CLI is not in the terminal's process group, so Ctrl-C must be handed on.
                os.killpg(process.pid, 15)
                raise
        text = "".join(lines)
        if process.returncode:
            raise RehearsalError(
                f"cdk {command} ended with status {process.returncode}; the last lines of "
                f"{self.log}:\n{''.join(lines[-25:])}"
            )
        return text


def count_changed(output: str) -> int:
    """How many stacks a ``cdk deploy`` changed, from the line it prints for each."""
    deployed = re.findall(r"^\s*✅.*$", output, re.MULTILINE)
    return sum("(no changes)" not in line for line in deployed)


def _clean_environment() -> dict[str, str]:
    """This process's environment without anything that could lead to a real AWS account."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    kept["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{kept.get('PATH', '')}"
    return kept
