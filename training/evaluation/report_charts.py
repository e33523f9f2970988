# SPDX-License-Identifier: Apache-2.0
"""The drawings of the evaluation report."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from training.evaluation.by_size import BySize
from training.evaluation.calibration import ReliabilityBin
from training.evaluation.scenes import CUT_OUT
from training.pages import INK, SERIES, SOFT, chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle


def confusion_chart(matrix: NDArray[np.int64], names: Sequence[str]) -> Markup:
    """Shares of each row, labelled with the counts."""
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)

    def draw(axes: "Axes") -> None:
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_aspect("equal")
        axes.grid(visible=False)
        for row in range(len(names)):
            for column in range(len(names)):
                # Squares that grow with the share are readable in any colours and in print.
                side = float(np.sqrt(shares[row, column])) * 0.96
                if side:
                    axes.add_patch(_square(column, row, side, right=row == column))
                if count := int(matrix[row, column]):
                    axes.text(column, row, str(count), ha="center", va="center", color=INK)
        ticks = range(len(names))
        axes.set_xticks(ticks, names, rotation=35, ha="right")
        axes.set_yticks(ticks, names)
        axes.set_xlabel("answered")
        axes.set_ylabel("really")

    worst = _commonest_confusion(matrix, names)
    alt = f"Confusion matrix of {len(names)} classes, {matrix.sum()} photos. {worst}"
    return chart(draw, alt=alt, width=5.2, height=4.8)


def reliability_chart(before: Sequence[ReliabilityBin], after: Sequence[ReliabilityBin]) -> Markup:
    """Accuracy over confidence, with and without the temperature."""

    def draw(axes: "Axes") -> None:
        axes.plot([0, 1], [0, 1], color=SOFT, linestyle="--", linewidth=1, label="ideal")
        for points, label, colour, style in (
            (before, "without temperature", SERIES[1], ":"),
            (after, "as deployed", SERIES[0], "-"),
        ):
            axes.plot(
                [item.confidence for item in points],
                [item.accuracy for item in points],
                marker="o",
                markersize=4,
                linestyle=style,
                color=colour,
                label=label,
            )
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("confidence")
        axes.set_ylabel("share of right answers")
        axes.legend(loc="upper left")

    words = ", ".join(f"{item.confidence:.2f}: {item.accuracy:.2f}" for item in after)
    return chart(draw, alt=f"Accuracy by confidence as deployed: {words}", width=5.2, height=3.8)


def sizes_chart(plain: float, sizes: BySize) -> Markup:
    """Lines over the item's size, one for each background."""
    names = list(dict.fromkeys(row.background for row in sizes.rows))

    def draw(axes: "Axes") -> None:
        for number, name in enumerate(names):
            rows = [row for row in sizes.rows if row.background == name]
            start = [] if name == CUT_OUT else [(1.0, plain)]
            points = [*start, *((row.size, row.accuracy) for row in rows)]
            axes.plot(
                [100 * share for share, _ in points],
                [value for _, value in points],
                marker="o",
                markersize=4,
                color=SERIES[number % len(SERIES)],
                label=name,
            )
        axes.set_xlim(103, 20)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("width of the item, % of the view's")
        axes.set_ylabel("accuracy")
        axes.legend(loc="lower left")

    said = ", ".join(f"{size:.0%}: {sizes.at(size):.1%}" for size in sizes.sizes)
    alt = f"Accuracy by the item's width, whole photo {plain:.1%}, {said}"
    return chart(draw, alt=alt, width=5.2, height=3.8)


def robustness_chart(plain: float, hardships: Mapping[str, float]) -> Markup:
    """Bars: the accuracy under each condition."""
    names, values = ["as taken", *hardships], [plain, *hardships.values()]

    def draw(axes: "Axes") -> None:
        places = np.arange(len(names))
        axes.barh(places, values, color=[SERIES[0], *[SERIES[5]] * len(hardships)], height=0.7)
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.1)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("accuracy")
        axes.axvline(plain, color=SOFT, linestyle="--", linewidth=1)
        for place, value in zip(places, values, strict=True):
            axes.text(value + 0.01, float(place), f"{value:.1%}", va="center", color=INK)

    words = ", ".join(f"{name} {value:.1%}" for name, value in zip(names, values, strict=True))
    return chart(draw, alt=f"Accuracy: {words}", width=5.2, height=3.4)


def _square(column: int, row: int, side: float, *, right: bool) -> "Rectangle":
    # The import takes half a second, so programs that draw nothing avoid it.
    from matplotlib import patches  # noqa: PLC0415

    corner = (column - side / 2, row - side / 2)
    return patches.Rectangle(
        corner, side, side, color=SERIES[0 if right else 1], alpha=0.35, linewidth=0
    )


def _commonest_confusion(matrix: NDArray[np.int64], names: Sequence[str]) -> str:
    wrong = matrix - np.diag(np.diag(matrix))
    if not wrong.any():
        return "No photo is confused."
    row, column = divmod(int(wrong.argmax()), len(names))
    return f"Most often, {names[row]} is mistaken for {names[column]}: {wrong[row, column]} times."
