# SPDX-License-Identifier: Apache-2.0
"""The report of a rehearsal: a table for people and ``report.json`` for programs."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from contracts.atomic_file import write_file
from contracts.bins import BinPolicy
from rehearsal.loop import Learned
from rehearsal.permissions.coverage import Coverage
from rehearsal.playback import SortedPhoto
from rehearsal.progress import Stages


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """The model in another account; ``way`` is how it arrived: "event" or "command"."""

    environment: str
    account: str
    region: str
    way: str
    digest: str
    sorted_right: int
    sorted: int


@dataclass(frozen=True, kw_only=True)
class Rotated:
    """Which camera has another certificate, and the first characters of its id."""

    thing: str
    certificate: str


@dataclass(kw_only=True)
class Report:
    """Grows with the rehearsal, so that a failed one is reported as far as it came."""

    environment: str
    dataset: str
    bins: BinPolicy = field(default_factory=lambda: BinPolicy({}))
    model: dict[str, Any] = field(default_factory=dict)
    photos: list[SortedPhoto] = field(default_factory=list)
    loop: Learned | None = None
    rotated: Rotated | None = None
    promoted: list[Promoted] = field(default_factory=list)
    redeploy_changes: int | None = None
    destroyed: list[str] = field(default_factory=list)
    retained: list[str] = field(default_factory=list)
    permissions: Coverage | None = None
    error: str | None = None

    def write(self, path: Path, stages: Stages) -> None:
        """Write ``report.json`` whole or not at all."""
        document = {
            "environment": self.environment,
            "dataset": self.dataset,
            "stages": stages.report(),
            "model": self.model,
            "photos": [row.report() for row in self.photos],
            "loop": self.loop.report() if self.loop else {},
            "rotated": asdict(self.rotated) if self.rotated else {},
            "promoted": [asdict(one) for one in self.promoted],
            "redeploy_changes": self.redeploy_changes,
            "permissions": self.permissions.report() if self.permissions else {},
            "destroyed": self.destroyed,
            "retained": self.retained,
            "error": self.error,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps(document, indent=2) + "\n")

    def show(self, console: Console) -> None:
        """Print the table: each photo's class, and where its detection was stored."""
        # The last part of a key is enough to find it; the whole key is in report.json.
        table = Table(title="Photos that no training step saw", title_justify="left")
        for column in ("photo", "class", "bin", "confidence", "archive (S3)", "latest (DynamoDB)"):
            table.add_column(column, no_wrap=True)
        for row in self.photos:
            table.add_row(
                row.photo,
                f"[{'green' if is_right(row, self.bins) else 'red'}]{row.class_name}[/]",
                label(row.bin, self.bins),
                f"{row.confidence:.2f}",
                f"…{row.archived[-16:]}" if row.archived else "",
                row.latest,
            )
        console.print(table)
        total = sum(is_right(row, self.bins) for row in self.photos)
        metrics = self.model["metrics"]
        interval = metrics["accuracy_interval"]
        console.print(f"{total} of these {len(self.photos)} photos were classified correctly.")
        if unnamed := self.bins.unnamed(sorted({row.expected for row in self.photos})):
            console.print(
                f"[bins.classes] has no line for {', '.join(unnamed)}: such items go to "
                f"{self.bins.default} and are not counted as right.",
                soft_wrap=True,
                markup=False,
            )
        console.print(
            f"Accuracy on all {metrics['test_photos']} photos that training never saw: "
            f"{metrics['accuracy']:.1%} ({interval['confidence']:.0%} interval "
            f"{interval['low']:.1%} to {interval['high']:.1%}), measured on the deployed file.",
            soft_wrap=True,
        )

    def show_left_behind(self, console: Console) -> None:
        """Print what the destroy deleted and kept."""
        kept = Counter(name.split(" ", 1)[0] for name in self.retained)
        text = ", ".join(f"{count} {kind}" for kind, count in sorted(kept.items())) or "nothing"
        console.print(f"  {len(self.destroyed)} resources deleted; kept on purpose: {text}")


def is_right(row: SortedPhoto, bins: BinPolicy) -> bool:
    """Whether an item was classified correctly, and the policy has a bin for its class."""
    return row.class_name == row.expected and not bins.unnamed((row.expected,))


def label(name: str, bins: BinPolicy) -> str:
    """A bin's name in white on its colour."""
    return f"[white on rgb({','.join(map(str, bins.colour(name)))})] {name} [/]"
