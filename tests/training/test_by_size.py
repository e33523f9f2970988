# SPDX-License-Identifier: Apache-2.0
"""Measured as a bin sees it: an item on a part of the view, cut out by the camera's own rule."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contracts.bins import BinPolicy
from contracts.cut import CutRule
from tests.training.conftest import Run
from tests.training.steps import run_step
from training.evaluation.by_size import by_size
from training.evaluation.scenes import COLUMNS, CUT_OUT, OWN, ROWS, SIZES, cut_out, on_view

NAMES = ("blue", "red")
COLOURS = {"blue": (20, 30, 220), "red": (220, 30, 20)}


@pytest.fixture
def prepared(tmp_path: Path) -> tuple[Path, list[str], np.ndarray]:
    """Photos of a coloured item on a plain ground, by name in the prepared folder."""
    files, labels = [], []
    for label, name in enumerate(NAMES):
        for index in range(4):
            picture = np.full((96, 128, 3), 170, np.uint8)
            picture[8:88, 8 + index : 116 + index] = COLOURS[name]
            path = tmp_path / "test" / name / f"{index:05d}-x.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path, quality=95)
            files.append(path.relative_to(tmp_path).as_posix())
            labels.append(label)
    return tmp_path, files, np.array(labels, np.int64)


def by_share_of_colour(pixels: np.ndarray) -> np.ndarray:
    """A classifier that needs the item to fill a good part of what it is shown."""
    values = pixels.astype(int)
    red = (values[..., 0] - values[..., 2] > 90).mean(axis=(1, 2)) > 0.2
    blue = (values[..., 2] - values[..., 0] > 90).mean(axis=(1, 2)) > 0.2
    # Of what it cannot see it says the other thing.
    scores = np.stack([blue, red], axis=1).astype(np.float32)
    return scores + 0.01 * np.array([[1, 0]], np.float32)


def test_the_cut_brings_small_items_back(prepared: tuple[Path, list[str], np.ndarray]) -> None:
    folder, files, labels = prepared

    def measured(rule: CutRule | None):
        return by_size(
            folder,
            files,
            labels,
            names=NAMES,
            size=64,
            rule=rule,
            answer=by_share_of_colour,
            policy=BinPolicy({"blue": "compost", "red": "recycling"}),
        )

    cut, whole = measured(CutRule()), measured(None)
    assert cut.sizes == sorted(SIZES, reverse=True)
    assert {row.background for row in cut.rows} == {OWN, "grey", "steel", CUT_OUT}
    for size in cut.sizes:
        assert cut.at(size) == 1.0
        assert cut.bins_at(size) == 1.0
        assert whole.at(size) == 0.5
    assert all(row.found == 1.0 for row in cut.rows)
    assert cut.to_json()["sizes"]["0.35"] == {"accuracy": 1.0, "bin_accuracy": 1.0}


def test_the_datasets_own_views_are_among_the_backgrounds(
    prepared: tuple[Path, list[str], np.ndarray],
) -> None:
    folder, files, labels = prepared
    (folder / "background").mkdir()
    Image.new("RGB", (64, 48), (90, 110, 90)).save(folder / "background" / "00000-x.png")
    rows = by_size(
        folder,
        files,
        labels,
        names=NAMES,
        size=64,
        rule=CutRule(),
        answer=by_share_of_colour,
        policy=None,
    ).rows
    assert "own view 1" in {row.background for row in rows}
    assert {row.bin_accuracy for row in rows} == {None}


def test_a_scene_has_the_item_at_its_size_and_the_same_view_without_it() -> None:
    photo = Image.fromarray(np.full((96, 128, 3), (200, 40, 40), np.uint8))
    view = np.full((ROWS, COLUMNS, 3), 90, np.uint8)
    scene = on_view(photo, view, share=0.35, seed=5)
    differs = np.abs(scene.frame.astype(int) - scene.empty).max(axis=2) > 40
    columns = np.flatnonzero(differs.any(axis=0))
    assert 0.3 < len(columns) / COLUMNS < 0.36
    again = on_view(photo, view, share=0.35, seed=5)
    assert np.array_equal(scene.frame, again.frame)
    shown, found = scene.seen(CutRule(), size=64)
    assert found
    assert (shown[..., 0] > 150).mean() > 0.5
    assert cut_out(Image.effect_noise((128, 96), 80).convert("RGB"), share=0.5, seed=0) is None


def test_the_table_is_printed_for_an_archive(sagemaker_run: Run) -> None:
    done = run_step(
        *("-m", "training.evaluation.by_size", "--model", str(sagemaker_run.archive)),
        *(
            "--prepared",
            str(sagemaker_run.prepared),
            "--bins",
            '{"classes": {}, "default": "landfill"}',
        ),
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert sum(line.startswith(("50%", "35%", "25%")) for line in lines) >= 12
    assert any("mean, not cut out" in line for line in lines)
