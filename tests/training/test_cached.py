# SPDX-License-Identifier: Apache-2.0
"""A step is taken from the cache only if everything is as it was."""

import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.steps import run_step
from training import step_cache
from training.hyperparameters import Hyperparameters
from training.local import run_all
from training.sagemaker_job import StepError
from training.step_cache import Records


@pytest.fixture
def do(tmp_path: Path) -> Callable[..., bool]:
    """Do a step that copies its input into a folder; whether it was done."""
    result = tmp_path / "result"

    def work(value: str, *, fails: bool = False) -> bool:
        def step() -> None:
            result.mkdir(exist_ok=True)
            (result / "half").write_text(value)
            if fails:
                raise StepError("interrupted")
            (result / "whole").write_text(value)

        return Records(tmp_path).do("copy", step, inputs={"value": value}, results=[result])

    return work


def test_the_same_again_is_not_done_again(
    do: Callable[..., bool], capsys: pytest.CaptureFixture
) -> None:
    assert [do("a"), do("a"), do("b"), do("b")] == [True, False, True, False]
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "copy: to be done: not done before"
    assert told[1].startswith("copy: taken from the cache (")
    assert told[2] == "copy: to be done: photos, settings or code have changed"


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda result: (result / "whole").write_text("x"), "its results were changed"),
        (lambda result: (result / "whole").unlink(), "its results were changed"),
        (lambda result: (result / "more").write_text("x"), "its results were changed"),
        (lambda result: result.rename(result.parent / "away"), "/result is missing"),
        (
            lambda result: (result.parent / "steps" / "copy.json").write_text("[]"),
            "not done before",
        ),
    ],
)
def test_what_was_touched_is_done_again(
    harm: Callable[[Path], object],
    reason: str,
    do: Callable[..., bool],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    do("a")
    harm(tmp_path / "result")
    assert do("a")
    assert reason in capsys.readouterr().out
    assert (tmp_path / "result" / "whole").read_text() == "a"


def test_other_code_is_another_step(
    do: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    do("a")
    monkeypatch.setattr(step_cache, "code_digest", lambda: "other")
    assert do("a")


def test_half_a_result_is_never_taken(do: Callable[..., bool]) -> None:
    do("a")
    with pytest.raises(StepError, match="interrupted"):
        do("b", fails=True)
    # The whole result of "a" has been written over in part: not even that one is right any more.
    assert do("a")
    assert not do("a")


def test_two_runs_into_one_folder(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    settings = Hyperparameters(network="compact")
    with pytest.raises(StepError, match=r"out = .*: inside the dataset"):
        run_all(tmp_path / "photos", tmp_path / "photos" / "out", settings)
    with pytest.raises(StepError, match=r"dataset .*nowhere: there is no such folder"):
        run_all(tmp_path / "nowhere", tmp_path / "out", settings)
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StepError, match="another run is using it"):
            run_all(tmp_path / "photos", tmp_path / "out", settings)


def test_without_weights_it_says_so_loudly(tmp_path: Path) -> None:
    done = run_step(
        "-m", "training.local", "--dataset", str(tmp_path / "no"), f"--out={tmp_path}/o"
    )
    assert done.returncode == 1
    assert done.stdout.startswith("WARNING: no pretrained weights were given")
    assert done.stderr == f"error: dataset {tmp_path}/no: there is no such folder or file\n"
