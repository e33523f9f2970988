# SPDX-License-Identifier: Apache-2.0
"""The unpatched CDK command line, run against the local AWS."""

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
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
        with self.synthesising() as ended:
            ended()

    @contextmanager
    def synthesising(self) -> Iterator[Callable[[], str]]:
        """Synthesise while the block runs, which gets a function that waits for the end.

        The function raises RehearsalError where the synth failed.
        """
        with self._started("synth", "--quiet", "--output", str(self.assembly)) as process:
            yield lambda: self._ended(process, "synth")

    def bootstrap(self, account: str, region: str, *policies: str) -> None:
        """The CDK's own bootstrap stack, its default template.

        ``policies`` are the ARNs of what CloudFormation may do; without one it may do everything.
        """
        limits = ["--cloudformation-execution-policies", ",".join(policies)] if policies else []
        # Not in the project's folder, where the CLI would synthesise only to find the account.
        away = self.assembly.parent
        away.mkdir(parents=True, exist_ok=True)
        self._run("bootstrap", f"aws://{account}/{region}", *limits, folder=away)

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

    def _run(self, command: str, *arguments: str, folder: Path = ROOT) -> str:
        """Run one command to its end; return what it printed."""
        with self._started(command, *arguments, folder=folder) as process:
            return self._ended(process, command)

    @contextmanager
    def _started(
        self, command: str, *arguments: str, folder: Path = ROOT
    ) -> Iterator["subprocess.Popen[str]"]:
        """One command, which ends with the block where that fails."""
        cdk = ROOT / ".venv" / "bin" / "cdk"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as log:
            print(f"$ cdk {command} {' '.join(arguments)}", file=log)
        with subprocess.Popen(
            [str(cdk), command, *arguments, "--context", f"environment={self.name}"],
            cwd=folder,
            env={**_clean_environment(), **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                yield process
            except BaseException:
                # The CLI is not in the terminal's process group, so Ctrl-C must be passed on.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                raise

    def _ended(self, process: "subprocess.Popen[str]", command: str) -> str:
        """Wait for a command; return what it printed."""
        lines: list[str] = []
        with self.log.open("a", encoding="utf-8") as log:
            for line in process.stdout or ():
                log.write(line)
                lines.append(line)
                if event := _NEWS.search(line):
                    self.progress(f"{event[1].lower()} {event[3]}")
        if process.wait():
            raise RehearsalError(
                f"cdk {command} ended with status {process.returncode}; the last lines of "
                f"{self.log}:\n{''.join(lines[-25:])}"
            )
        return "".join(lines)


def count_changed(output: str) -> int:
    """How many stacks a ``cdk deploy`` changed, from the line it prints for each."""
    deployed = re.findall(r"^\s*✅.*$", output, re.MULTILINE)
    return sum("(no changes)" not in line for line in deployed)


def _clean_environment() -> dict[str, str]:
    """This process's environment without anything that could lead to a real AWS account."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    kept["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{kept.get('PATH', '')}"
    return kept
