# SPDX-License-Identifier: Apache-2.0
"""Writes the training report: index.html for people, history.json for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.hyperparameters import Hyperparameters
from training.learning.progress import Epoch

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

HISTORY, PAGE = "history.json", "index.html"


def write_history(
    folder: Path, epochs: Sequence[Epoch], *, kept: int, settings: Hyperparameters
) -> None:
    """Write both files. ``kept`` is the epoch whose weights were selected."""
    # Jinja and matplotlib take half a second to import; errors in settings should appear sooner.
    from training import pages  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "epochs": [asdict(epoch) for epoch in epochs],
        "kept": kept,
        "hyperparameters": settings.to_json(),
    }
    pages.write(folder / HISTORY, json.dumps(document, indent=1) + "\n")
    html = pages.render(
        "training_report.html",
        title="Training report",
        settings=settings.to_json(),
        epochs=epochs,
        kept=next(epoch for epoch in epochs if epoch.epoch == kept),
        rows=[_row(epoch) for epoch in epochs],
        charts=[_losses(epochs), _accuracy(epochs), _rates(epochs)],
    )
    pages.write(folder / PAGE, html)


def _row(epoch: Epoch) -> list[Any]:
    return [
        *(epoch.epoch, epoch.stage, epoch.size, f"{epoch.learning_rate:.1e}"),
        *(f"{epoch.train_loss:.3f}", f"{epoch.validation_loss:.3f}"),
        *(f"{100 * epoch.validation_accuracy:.1f} %", f"{epoch.seconds:.0f}"),
    ]


def _losses(epochs: Sequence[Epoch]) -> "Markup":
    lines = {
        "training": [epoch.train_loss for epoch in epochs],
        "validation": [epoch.validation_loss for epoch in epochs],
    }
    words = f"validation loss from {lines['validation'][0]:.2f} to {lines['validation'][-1]:.2f}"
    return _chart("Loss", lines, epochs, alt=f"Losses by epoch: {words}")


def _accuracy(epochs: Sequence[Epoch]) -> "Markup":
    values = [100 * epoch.validation_accuracy for epoch in epochs]
    words = f"from {values[0]:.0f} to {values[-1]:.0f} %"
    return _chart(
        "Validation accuracy, %", {"": values}, epochs, alt=f"Validation accuracy by epoch: {words}"
    )


def _rates(epochs: Sequence[Epoch]) -> "Markup":
    values = [epoch.learning_rate for epoch in epochs]
    return _chart(
        "Learning rate at the epoch's end",
        {"": values},
        epochs,
        alt=f"Learning rate by epoch: from {values[0]:.1e} down to {values[-1]:.1e}",
    )


def _chart(
    title: str, lines: dict[str, list[float]], epochs: Sequence[Epoch], *, alt: str
) -> "Markup":
    from training import pages  # noqa: PLC0415

    def draw(axes: "Axes") -> None:
        numbers = [epoch.epoch for epoch in epochs]
        for name, values in lines.items():
            axes.plot(numbers, values, label=name, marker="o" if len(numbers) < 3 else None)
        # The pictures change where the next stage begins.
        for before, after in pairwise(epochs):
            if before.stage != after.stage:
                axes.axvline(before.epoch + 0.5, color=pages.SOFT, linestyle=":", linewidth=1)
        axes.set_title(title)
        axes.set_xlabel("Epoch")
        if len(lines) > 1:
            axes.legend()

    return pages.chart(draw, alt=alt)
