# SPDX-License-Identifier: Apache-2.0
"""Stages of a rehearsal, with their duration and result."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.status import Status


@dataclass
class Stage:
    """A stage in the report. ``status``: ``running``, ``done``, ``failed`` or ``interrupted``."""

    name: str
    seconds: float = 0.0
    status: str = "running"


@dataclass
class Stages:
    """Runs stages one after another and prints them for the person at the terminal.

    On a terminal the current stage shows a spinner with its latest news; in a log (CI) each piece
    of news is a line.
    """

    console: Console
    done: list[Stage] = field(default_factory=list)
    entered: Callable[[str], None] | None = None
    """Called with the name of each stage as it begins."""
    _status: Status | None = None

    @contextmanager
    def stage(self, name: str, purpose: str) -> Iterator[None]:
        """Time a stage and print how it ended; exceptions pass through."""
        stage = Stage(name)
        self.done.append(stage)
        started = time.monotonic()
        self.console.print(f"[bold]{name}[/bold]: {purpose}")
        if self.entered is not None:
            self.entered(name)
        try:
            with self.console.status(name) as self._status:
                yield
            stage.status = "done"
        except KeyboardInterrupt:
            stage.status = "interrupted"
            raise
        except BaseException:
            stage.status = "failed"
            raise
        finally:
            self._status = None
            stage.seconds = round(time.monotonic() - started, 1)
            colour = "green" if stage.status == "done" else "red"
            self.console.print(f"  [{colour}]{stage.status}[/{colour}] in {stage.seconds:.1f} s")

    def news(self, text: str) -> None:
        """Print news about the running stage."""
        self.console.print(f"  {text}", markup=False, soft_wrap=True)

    def progress(self, text: str) -> None:
        """What is happening just now; replaces the last one and leaves no line behind."""
        if self._status is not None and self.console.is_terminal:
            self._status.update(text)

    def report(self) -> list[dict[str, Any]]:
        """The stages for ``report.json``."""
        return [asdict(stage) for stage in self.done]
