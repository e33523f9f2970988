# SPDX-License-Identifier: Apache-2.0
"""Interrupted trainings: the same weights as without the interruption, or a clear word why not."""

import json
import pickle
import random
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

from tests.training.learning import (
    PER_EPOCH,
    SETTINGS,
    in_process,
    killed_while_writing,
    learn,
    on_a_full_disk,
    same,
    signalled_at,
)
from training import sagemaker_job
from training.learning.checkpoints import Checkpoints
from training.networks import compact, presets
from training.networks.presets import Stage

pytestmark = pytest.mark.xdist_group("training")

STEPS = SETTINGS.epochs * PER_EPOCH


@pytest.fixture(scope="module", autouse=True)
def two_stages() -> object:
    """A narrow compact network in two stages: 3 epochs small, 1 large with a frozen stem."""
    before, width = presets.SCRATCH, compact.WIDTH
    compact.WIDTH = 6
    small = Stage(size=0.99, epochs=0.75, rate=1.0, frozen=0, averaging=0.9)
    large = Stage(size=1.0, epochs=0.25, rate=0.3, frozen=1, averaging=0.9)
    presets.SCRATCH = {**before, "compact": replace(before["compact"], stages=(small, large))}
    yield
    presets.SCRATCH, compact.WIDTH = before, width


@pytest.fixture(scope="module")
def uninterrupted(two_stages: object) -> dict[str, Tensor]:
    return learn(None)


def names(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[2] for path in folder.iterdir() if "-" in path.name)


def test_checkpoints_change_nothing(uninterrupted: dict[str, Tensor], tmp_path: Path) -> None:
    assert same(learn(tmp_path), uninterrupted)
    assert names(tmp_path) == ["stage1-step0000015", "stage2-step0000005"]


@pytest.mark.parametrize("place", ["anywhere", "second stage"])
def test_killed(place: str, uninterrupted: dict[str, Tensor], tmp_path: Path) -> None:
    """SIGKILL at a random step; the run after it ends with the same weights, bit for bit."""
    first = 3 * PER_EPOCH + 1 if place == "second stage" else 1
    step = random.SystemRandom().randint(first, STEPS)
    assert in_process(signalled_at(step, signal.SIGKILL, tmp_path)) == -signal.SIGKILL
    assert same(learn(tmp_path), uninterrupted), f"killed after step {step}"


def test_killed_while_a_checkpoint_is_written(
    uninterrupted: dict[str, Tensor], tmp_path: Path
) -> None:
    assert in_process(killed_while_writing(3, tmp_path)) == -signal.SIGKILL
    assert list((tmp_path / "unfinished").iterdir())
    assert names(tmp_path) == ["stage1-step0000005", "stage1-step0000010"]
    assert same(learn(tmp_path), uninterrupted)


@pytest.mark.parametrize("step", [7, 10])
def test_asked_to_stop(
    step: int, uninterrupted: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """SIGTERM in the middle and at the end of an epoch: a checkpoint of that very step."""

    def stopped() -> None:
        with pytest.raises(sagemaker_job.Terminated):
            signalled_at(step, signal.SIGTERM, tmp_path)()

    assert in_process(stopped) == 0
    assert names(tmp_path)[-1] == f"stage1-step{step:07d}"
    assert same(learn(tmp_path), uninterrupted)
    assert f"stage1-step{step:07d}: training continues from there" in capsys.readouterr().out


def test_a_damaged_checkpoint_is_passed_over(
    uninterrupted: dict[str, Tensor], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert in_process(signalled_at(13, signal.SIGKILL, tmp_path)) == -signal.SIGKILL
    newest = max(tmp_path.glob("*-stage1-step*"))
    path = newest / "average.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert same(learn(tmp_path), uninterrupted)
    printed = capsys.readouterr().out
    assert f"{newest.name}: average.safetensors is damaged or cut off; skipped" in printed
    assert "stage1-step0000005: training continues from there" in printed


def test_other_settings_start_anew_and_say_why(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    one = replace(SETTINGS, epochs=1)
    learn(tmp_path, one)
    assert Checkpoints(tmp_path, {"settings": one.to_json()}).latest()
    capsys.readouterr()
    other = replace(SETTINGS, seed=6)
    assert Checkpoints(tmp_path, {"settings": other.to_json()}).latest() is None
    printed = capsys.readouterr().out
    assert "made with settings.epochs = 1, not 4, settings.seed = 5, not 6" in printed
    assert "training starts from the beginning" in printed


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ("lost", "weights is missing"),
        ("half", "checkpoint.json is missing: it was not written completely"),
        ("manifest", "checkpoint.json is damaged"),
        ("list", "checkpoint.json is damaged"),
    ],
)
def test_what_is_wrong_with_a_checkpoint_is_said(
    harm: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    kept = Checkpoints(tmp_path, {"seed": 1})
    for step in (3, 6, 9):
        kept.scratch.mkdir()
        (kept.scratch / "weights").write_text("w")
        kept.keep(kept.scratch, stage=1, step=step, progress={"epochs": []})
    assert names(tmp_path) == ["stage1-step0000006", "stage1-step0000009"]
    newest = max(tmp_path.glob("*-stage1-step*"))
    if harm == "lost":
        (newest / "weights").unlink()
    elif harm == "half":
        (newest / "checkpoint.json").unlink()
    else:
        (newest / "checkpoint.json").write_text("{" if harm == "manifest" else "[]")
    found = kept.latest()
    assert found is not None
    assert (found.stage, found.step) == (1, 6)
    assert f"{newest.name}: {reason}; skipped" in capsys.readouterr().out
    kept.forget()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_costs_the_checkpoints_only(
    uninterrupted: dict[str, Tensor], tmp_path: Path
) -> None:
    answer = tmp_path / "answer"
    assert in_process(on_a_full_disk(tmp_path / "kept", answer)) == 0
    assert same(pickle.loads(answer.read_bytes()), uninterrupted)  # noqa: S301 - just written
    assert not (tmp_path / "kept").is_dir() or names(tmp_path / "kept") == []


def test_the_manifest_tells_whose_it_is(tmp_path: Path) -> None:
    learn(tmp_path, replace(SETTINGS, epochs=1))
    manifest = json.loads(next(tmp_path.glob("*-stage*/checkpoint.json")).read_text())
    assert manifest["belongs_to"]["settings"]["network"] == "compact"
    assert {"model.safetensors", "optimizer.pt", "average.safetensors"} <= manifest["files"].keys()
    assert [row["epoch"] for row in manifest["progress"]["epochs"]] == [1]
