# SPDX-License-Identifier: Apache-2.0
"""The sites of a fleet as the rehearsal sees them: processes that take commands."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.errors import RehearsalError

_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = [_ROOT / "lambda" / "inference", _ROOT]
"""Where the camera program's own queue is imported from."""


@dataclass(kw_only=True)
class Put:
    """The actions that one camera reported."""

    items: dict[int, str] = field(default_factory=dict)
    """Digest of each item by its number, as it was handed to the queue."""
    safe: set[int] = field(default_factory=set)
    """Items that were on the disk, or sent, when the camera said so."""
    unsafe: set[int] = field(default_factory=set)
    """Items that it had not reported so when its power was cut: some were only in memory."""
    told: int = 0
    """Telemetry that AWS IoT acknowledged."""
    silent: list[str] = field(default_factory=list)
    """Why telemetry was not accepted."""


@dataclass
class Truth:
    """The reports of all cameras, by thing."""

    by_thing: dict[str, Put] = field(default_factory=dict)
    things: dict[str, str] = field(default_factory=dict)
    """Thing by serial number."""
    again: list[str] = field(default_factory=list)
    """Why an enrolment had to be tried again."""

    def of(self, thing: str) -> Put:
        """What one camera said."""
        return self.by_thing.setdefault(thing, Put())

    def power_cut(self, serials: Iterable[str]) -> None:
        """Record that the memory of these cameras is lost; later reports do not cover it."""
        for put in (self.of(self.things[serial]) for serial in serials):
            put.unsafe = put.items.keys() - put.safe

    def hear(self, words: list[Any]) -> None:
        """One line of a camera."""
        kind, thing, *rest = words
        if kind == "enrolled":
            self.things[thing] = rest[0]
            return
        if kind == "again":
            self.again.append(str(rest[0]))
            return
        put = self.of(thing)
        if kind == "put":
            put.items[int(rest[0])] = str(rest[1])
        elif kind == "safe":
            put.safe = put.items.keys() - put.unsafe
        elif kind == "told":
            put.told += 1
        else:
            put.silent.append(str(rest[0]))


class SiteProcess:
    """A running site. Commands are answered one after another."""

    def __init__(
        self, given: Mapping[str, Any], file: Path, hear: Callable[[list[Any]], None]
    ) -> None:
        self._given, self._file, self._hear = given, file, hear
        self.name = file.stem
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Start the process; its cameras do nothing before a command."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._given), encoding="utf-8")
        paths = [str(path) for path in _PROGRAM] + [path for path in sys.path if path]
        self._answers = queue.Queue()
        with self._file.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rehearsal.fleet.site", str(self._file)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._reader = threading.Thread(
            target=self._read, args=(self._process, self._answers), daemon=True
        )
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether it has power."""
        return self._process is not None

    @property
    def cameras(self) -> Mapping[str, str]:
        """Serial numbers by the cameras' numbers."""
        found: Mapping[str, str] = self._given["cameras"]
        return found

    def order(self, do: str, **arguments: Any) -> None:
        """Send a command; ``answer`` waits for what comes of it."""
        process = self._process
        if process is None or process.stdin is None:
            raise RehearsalError(f"{self.name} has no power")
        process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        process.stdin.flush()

    def answer(self, timeout: float) -> dict[str, Any]:
        """The answer to the oldest command. Raises RehearsalError where the site has ended."""
        try:
            found = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise RehearsalError(f"{self.name} did not answer within {timeout:.0f} s") from None
        if found is None:
            log = self._file.with_suffix(".log")
            raise RehearsalError(f"{self.name} ended by itself; {log}:\n{log.read_text()[-2000:]}")
        return found

    def ask(self, do: str, *, wait: float = 120, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self.order(do, **arguments)
        return self.answer(wait)

    def cut_power(self) -> None:
        """Kill the process at once."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if self._reader is not None:
                # Its last output is still in the pipe.
                self._reader.join(timeout=30)

    def _read(
        self, process: "subprocess.Popen[str]", answers: "queue.Queue[dict[str, Any] | None]"
    ) -> None:
        for line in process.stdout or ():
            try:
                words = json.loads(line)
            except ValueError:
                continue  # cut off by a kill
            if words[0] == "done":
                answers.put(words[1])
            else:
                self._hear(words)
        answers.put(None)
