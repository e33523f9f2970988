# SPDX-License-Identifier: Apache-2.0
"""The results of a fleet rehearsal: lines with a number, and whether each is within its bound."""

from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line. ``bound`` says what is allowed; empty: the number is for information."""

    name: str
    value: str
    bound: str = ""
    kept: bool = True


@dataclass
class Findings:
    """All lines of a run, each shown as it is found."""

    console: Console
    all: list[Finding] = field(default_factory=list)

    def add(self, name: str, value: object, *, bound: str = "", kept: bool = True) -> None:
        """Show and keep a line."""
        finding = Finding(name=name, value=str(value), bound=bound, kept=kept)
        self.all.append(finding)
        mark = "" if not bound else "  [kept]" if kept else "  [BROKEN]"
        said = f" (bound: {bound})" if bound else ""
        self.console.print(f"  {name}: {value}{said}{mark}", markup=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Show a detail of the line before."""
        self.console.print(f"    {text}", markup=False, soft_wrap=True)

    @property
    def broken(self) -> list[Finding]:
        """Lines whose bound does not hold."""
        return [finding for finding in self.all if not finding.kept]

    def report(self) -> list[dict[str, Any]]:
        """The lines for ``report.json``."""
        return [asdict(finding) for finding in self.all]
