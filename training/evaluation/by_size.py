# SPDX-License-Identifier: Apache-2.0
"""Accuracy when the item takes a half, a third or a quarter of the view's width.

``python -m training.evaluation.by_size --model model.tar.gz --prepared FOLDER [--bins TOML]``
prints the table for any model, with and without the camera's cut.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from contracts.bins import BinPolicy, read_policy
from contracts.cut import Box, CutRule
from contracts.model_archive import MODEL, REFERENCE, unpack_archive
from contracts.preprocessing import resize
from training import sagemaker_job
from training.classifier import Classifier
from training.data import BACKGROUNDS, evenly, known_items, load, read_dataset
from training.evaluation.metrics import per_bin
from training.evaluation.scenes import (
    COLUMNS,
    CUT_OUT,
    OWN,
    ROWS,
    SIZES,
    Frame,
    Scene,
    cut_out,
    drawn_views,
    on_view,
)

GATED = 0.35
"""The size that the gate checks: an item on a third of the view."""
_MOST_PHOTOS = 300
_MOST_VIEWS = 2

Answer = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """The results on one background at one size. ``found``: share of items that were found."""

    size: float
    background: str
    photos: int
    accuracy: float
    bin_accuracy: float | None
    found: float


@dataclass(frozen=True)
class BySize:
    """``rows`` for every size and background, except whole photos, which the test itself covers."""

    rows: Sequence[Row]

    def at(self, size: float) -> float:
        """Accuracy at a size: the mean over backgrounds with whole photos on them."""
        return float(np.mean([row.accuracy for row in self._pasted(size)]))

    def bins_at(self, size: float) -> float | None:
        """The same for bins, if there is a policy."""
        shares = [row.bin_accuracy for row in self._pasted(size) if row.bin_accuracy is not None]
        return float(np.mean(shares)) if shares else None

    @property
    def sizes(self) -> list[float]:
        return sorted({row.size for row in self.rows}, reverse=True)

    @property
    def photos(self) -> int:
        return max(row.photos for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        return {
            "sizes": {
                f"{size:g}": {"accuracy": self.at(size), "bin_accuracy": self.bins_at(size)}
                for size in self.sizes
            },
            "rows": [asdict(row) for row in self.rows],
        }

    def _pasted(self, size: float) -> list[Row]:
        return [row for row in self.rows if row.size == size and row.background != CUT_OUT]


def by_size(  # noqa: PLR0913 - the axes of the table
    prepared: Path,
    files: Sequence[str],
    labels: NDArray[np.int64],
    *,
    names: Sequence[str],
    size: int,
    rule: CutRule | None,
    answer: Answer,
    policy: BinPolicy | None,
) -> BySize:
    """Show the photos on every background at every size, cut by ``rule`` (None: whole frames)."""
    chosen = evenly(labels, _MOST_PHOTOS) if len(labels) > _MOST_PHOTOS else range(len(labels))
    known = known_items(prepared)
    photos = [_photo(prepared / files[index], known.get(files[index])) for index in chosen]
    truth = labels[list(chosen)]
    views: dict[str, Frame | None] = {OWN: None, **drawn_views(), **_own_views(prepared)}
    rows = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for share in SIZES:
            for background in (*views, CUT_OUT):

                def look(
                    item: tuple[int, Image.Image],
                    share: float = share,
                    background: str = background,
                ) -> tuple[Frame, bool] | None:
                    scene = _scene(*item, share=share, background=background, views=views)
                    return None if scene is None else scene.seen(rule, size=size)

                seen = list(pool.map(look, enumerate(photos)))
                shown = [index for index, one in enumerate(seen) if one is not None]
                if not shown:
                    continue
                pixels = np.stack([one[0] for one in seen if one is not None])
                probabilities, right = answer(pixels), truth[shown]
                quality = per_bin(right, probabilities, names, policy) if policy else None
                row = Row(
                    size=share,
                    background=background,
                    photos=len(shown),
                    accuracy=float(np.mean(probabilities.argmax(axis=1) == right)),
                    bin_accuracy=quality.accuracy if quality else None,
                    found=float(np.mean([one[1] for one in seen if one is not None])),
                )
                rows.append(row)
                print(
                    f"evaluate: item on {share:.0%} of the view, {background}: "
                    f"accuracy={row.accuracy:.4f} found={row.found:.2f}",
                    flush=True,
                )
    return BySize(rows)


def _scene(
    index: int,
    photo: Image.Image,
    *,
    share: float,
    background: str,
    views: Mapping[str, Frame | None],
) -> Scene | None:
    seed = 1000 * index + round(100 * share)
    if background == CUT_OUT:
        return cut_out(photo, share=share, seed=seed)
    return on_view(photo, views[background], share=share, seed=seed)


def _photo(path: Path, box: Box | None) -> Image.Image:
    """A test photo; for a fixed camera's photo only the item with some background around it."""
    with Image.open(path) as image:
        photo = image.convert("RGB")
    if box is None:
        return photo
    columns, rows = photo.size
    return photo.crop(CutRule().region(box, columns=columns, rows=rows, width=1, height=1))


def _own_views(prepared: Path) -> dict[str, Frame]:
    """Some of the dataset's empty views."""
    paths = sorted((prepared / BACKGROUNDS).glob("*.*"))[:_MOST_VIEWS]
    views = {}
    for number, path in enumerate(paths, start=1):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        views[f"own view {number}"] = resize(pixels, width=COLUMNS, height=ROWS)
    return views


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="model.tar.gz")
    parser.add_argument("--prepared", type=Path, required=True, help="what prepare wrote")
    parser.add_argument("--bins", help="bin policy: a TOML file with [bins], or JSON")
    given = parser.parse_args()
    try:
        policy = read_policy(given.bins) if given.bins else None
    except ValueError as error:
        raise sagemaker_job.StepError(f"bins: {error}") from error
    read_dataset(given.prepared)
    with tempfile.TemporaryDirectory(prefix="binsight-") as scratch:
        card = unpack_archive(given.model, Path(scratch), extra={REFERENCE})
        model = Classifier(Path(scratch) / MODEL)
        test = load(given.prepared, "test", card.labels, size=card.width)
        answer = partial(model.answers, flips=card.flips)
        plain = answer(test.pixels)
        full = float(np.mean(plain.argmax(axis=1) == test.labels))
        bins = per_bin(test.labels, plain, card.labels, policy) if policy else None
        found = {
            name: by_size(
                given.prepared,
                test.files,
                test.labels,
                names=card.labels,
                size=card.width,
                rule=rule,
                answer=answer,
                policy=policy,
            )
            for name, rule in (("whole frame", None), ("cut", CutRule(**_rule(card.cut))))
        }
    _table(full, bins.accuracy if bins else None, found)


def _rule(document: Mapping[str, Any]) -> dict[str, float]:
    return {key: value for key, value in document.items() if key != "schema"}


def _table(full: float, full_bin: float | None, found: Mapping[str, BySize]) -> None:
    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    print("item's width  background            class, whole  class, cut  bin, cut  found")
    print(f"{'100%':<13} {'the photo':<21} {full:<13.3f} {'-':<11} {shown(full_bin):<9} -")
    for whole, row in zip(found["whole frame"].rows, found["cut"].rows, strict=True):
        print(
            f"{row.size:<13.0%} {row.background:<21} {whole.accuracy:<13.3f} "
            f"{row.accuracy:<11.3f} {shown(row.bin_accuracy):<9} {row.found:.2f}"
        )
    frames, cuts = found["whole frame"], found["cut"]
    for size in cuts.sizes:
        print(
            f"{size:<13.0%} {'mean, not cut out':<21} {frames.at(size):<13.3f} "
            f"{cuts.at(size):<11.3f} {shown(cuts.bins_at(size)):<9}"
        )


if __name__ == "__main__":
    sagemaker_job.run(main)
