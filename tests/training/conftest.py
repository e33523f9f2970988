# SPDX-License-Identifier: Apache-2.0
"""A few drawn pictures, and one tiny run of the pipeline's steps as SageMaker starts them."""

import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from rehearsal.samples.set import draw
from tests.training.steps import HYPERPARAMETERS, enter


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder: 14 pictures of each bin."""
    folder = tmp_path_factory.mktemp("sample")
    draw(folder, photos_per_class=14, seed=5)
    return folder


@pytest.fixture
def dataset(sample: Path, tmp_path: Path) -> Path:
    """A copy of the sample that a test may spoil."""
    return Path(shutil.copytree(sample, tmp_path / "dataset"))


@dataclass(frozen=True)
class Run:
    """A run's folders, each standing for a container's /opt/ml, and what the steps printed."""

    prepare: Path
    train: Path
    evaluate: Path
    printed: dict[str, str]

    @property
    def prepared(self) -> Path:
        return self.prepare / "processing/output/prepared"

    @property
    def archive(self) -> Path:
        return self.evaluate / "processing/output/model/model.tar.gz"

    @property
    def evaluation(self) -> dict:
        path = self.evaluate / "processing/output/evaluation/evaluation.json"
        return json.loads(path.read_text())


@pytest.fixture(scope="session")
def sagemaker_run(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The three steps in /opt/ml-like folders, found without being told where they are."""
    roots = [tmp_path_factory.mktemp(name) for name in ("prepare", "train", "evaluate")]
    prepare, train, evaluate = roots
    run = Run(prepare, train, evaluate, {})

    def step(name: str, root: Path, *options: str) -> None:
        done = enter(name, *options, SAGEMAKER_BASE_DIR=str(root))
        assert done.returncode == 0, done.stdout + done.stderr
        run.printed[name] = done.stdout

    (prepare / "processing/input").mkdir(parents=True)
    (prepare / "processing/input/dataset").symlink_to(sample)
    # The pipeline names the dataset by its manifest's key.
    named = ("--name", f"{sample.name}/manifest.json")
    step("prepare", prepare, "--seed", HYPERPARAMETERS["seed"], *named)

    (train / "input/data").mkdir(parents=True)
    (train / "input/data/prepared").symlink_to(run.prepared)
    (train / "input/config").mkdir()
    (train / "input/config/hyperparameters.json").write_text(json.dumps(HYPERPARAMETERS))
    (train / "output").mkdir()
    step("train", train)

    (evaluate / "processing/input/model").mkdir(parents=True)
    with tarfile.open(evaluate / "processing/input/model/model.tar.gz", "w:gz") as archive:
        archive.add(train / "model", arcname=".")  # as SageMaker does
    (evaluate / "processing/input/prepared").symlink_to(run.prepared)
    step("evaluate", evaluate)
    return run
