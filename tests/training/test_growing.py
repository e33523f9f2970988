# SPDX-License-Identifier: Apache-2.0
"""A dataset grows: the split stays, and both models are compared on old and on new photos."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contracts.model_archive import ModelCard, unpack_archive
from rehearsal.samples.set import draw
from tests.training.conftest import Run
from tests.training.prepared import split_of
from tests.training.steps import HYPERPARAMETERS, files, run_step
from training import pages
from training.classifier import Classifier
from training.evaluate import evaluate
from training.evaluation import measure
from training.evaluation.approved import Approved
from training.evaluation.quality_verdict import Thresholds
from training.prepare import prepare

pytestmark = pytest.mark.xdist_group("training")
NEW_CLASS, NEW_PHOTOS = "tins", 12


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what costs most and is measured in test_evaluate: items of several sizes."""
    monkeypatch.setattr(measure, "by_size", lambda *_, **_more: None)
    monkeypatch.setattr(measure, "robustness", lambda *_, **_more: {})


@dataclass(frozen=True)
class Grown:
    """The sample with more compost and another class, prepared and trained on."""

    document: dict[str, Any]
    prepared: Path
    packed: Path


@pytest.fixture(scope="module")
def grown(sagemaker_run: Run, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Grown:
    folder = tmp_path_factory.mktemp("grown")
    dataset = Path(shutil.copytree(sample, folder / "dataset"))
    draw(folder / "more", photos_per_class=NEW_PHOTOS, seed=77)
    for photo in sorted((folder / "more/compost").iterdir()):
        shutil.copy(photo, dataset / "compost" / f"capture-one-{photo.name}")
    shutil.copytree(folder / "more/recycling", dataset / NEW_CLASS)
    prepared, model = folder / "prepared", folder / "model"
    document = prepare(
        dataset, prepared, seed=3, approved=Approved(name="g/1", archive=sagemaker_run.archive)
    )
    options = [f"--{name}={value}" for name, value in HYPERPARAMETERS.items()]
    places = [f"--prepared={prepared}", f"--model-dir={model}"]
    done = run_step("-m", "training.train", *places, *options)
    assert done.returncode == 0, done.stderr
    packed = folder / "model.tar.gz"
    done = run_step("-c", _PACK, str(model), str(packed))
    assert done.returncode == 0, done.stderr
    return Grown(document, prepared, packed)


_PACK = """
import sys
from pathlib import Path
from contracts.model_archive import REFERENCE, write_archive
write_archive(Path(sys.argv[1]), Path(sys.argv[2]), extra={REFERENCE})
"""


def test_old_photos_stay_in_their_split_and_new_ones_get_one(
    grown: Grown, sagemaker_run: Run
) -> None:
    earlier = json.loads((sagemaker_run.prepared / "dataset.json").read_text())
    for split, paths in earlier["splits"].items():
        assert set(paths) <= set(grown.document["splits"][split])
    new = grown.document["new"]
    assert sum(map(len, new.values())) == 2 * NEW_PHOTOS
    for name in ("compost", NEW_CLASS):
        tested = [path for path in new["test"] if path.startswith(f"{name}/")]
        assert len(tested) >= 2
        assert all(split_of(grown.document, path) == "test" for path in tested)


def test_both_models_are_measured_on_old_and_on_new_photos(
    grown: Grown, sagemaker_run: Run, tmp_path: Path
) -> None:
    own = _evaluated(grown, tmp_path, sagemaker_run.archive)
    old, new = own["approved"]["old_photos"], own["approved"]["new_photos"]
    assert old["photos"] == sagemaker_run.evaluation["binsight"]["test_photos"]
    assert new["photos"] == len(grown.document["new"]["test"])
    # The model in service repeats what was measured of it, and cannot know the new class.
    measured = sagemaker_run.evaluation["multiclass_classification_metrics"]["accuracy"]["value"]
    assert old["before"] == pytest.approx(measured)
    known = sum(path.startswith("compost/") for path in grown.document["new"]["test"])
    assert new["before"] <= known / new["photos"]
    assert [check["name"] for check in own["verdict"]["checks"][-2:]] == [
        *("old photos", "new photos")
    ]
    assert own["thresholds"]["maximum_forgetting"] == 1.0
    page = (tmp_path / "report/index.html").read_text()
    assert "Old photos: the test photos of the model in service." in page
    card = _card(tmp_path / "model.tar.gz")
    assert card.metrics["test"]["old_photos"] == old
    assert card.metrics["test"]["new_photos"] == new
    assert card.created_from["photos"] == grown.document["origin"]
    assert card.created_from["photos"]["dataset"] == "dataset"


def test_a_model_that_unlearned_is_refused_whatever_it_learned(
    grown: Grown, sagemaker_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model that answers always with the new class: all of the new, nothing of the old."""
    honest = Classifier.probabilities
    last = grown.document["classes"].index(NEW_CLASS)

    def stubborn(self: Any, pixels: Any) -> Any:
        found = honest(self, pixels)
        if found.shape[1] == len(grown.document["classes"]):
            found = found * 0.01
            found[:, last] = 0.99
        return found

    monkeypatch.setattr(Classifier, "probabilities", stubborn)
    own = _evaluated(grown, tmp_path, sagemaker_run.archive)
    assert own["verdict"]["passed_value"] == 0
    assert own["verdict"]["reasons"][0].startswith("old photos -")
    assert own["approved"]["new_photos"]["after"] > 0


def test_the_same_model_again_is_the_same_archive(
    grown: Grown, sagemaker_run: Run, tmp_path: Path
) -> None:
    """A schedule trains from the same photos: what came of it is no new rollout."""
    _evaluated(grown, tmp_path / "first", sagemaker_run.archive)
    first = tmp_path / "first/model.tar.gz"
    own = _evaluated(grown, tmp_path / "again", first)
    assert "old_photos" not in own["approved"]
    assert (tmp_path / "again/model.tar.gz").read_bytes() == first.read_bytes()


def test_a_model_that_does_not_say_its_split_changes_nothing(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, sagemaker_run: Run
) -> None:
    monkeypatch.setattr(pages, "chart", lambda _draw, **_more: "")
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(sagemaker_run.archive.read_bytes()[:4000])
    prepare(sample, tmp_path / "plain")
    for archive, said in (
        (broken, "is not kept: its archive cannot be read: broken.tar.gz: damaged"),
        (None, "is not kept: s3://x is gone"),
    ):
        approved = Approved(name="g/1", archive=archive, problem="s3://x is gone")
        document = prepare(sample, tmp_path / "out", approved=approved)
        assert document["new"] == {}
        assert said in capsys.readouterr().out
        assert files(tmp_path / "out") == files(tmp_path / "plain")


def _evaluated(grown: Grown, folder: Path, archive: Path) -> dict[str, Any]:
    document = evaluate(
        grown.packed,
        grown.prepared,
        evaluation=folder,
        output=folder,
        approved=Approved(name="g/1", archive=archive),
        thresholds=Thresholds(tolerance=100.0),
    )
    own: dict[str, Any] = document["binsight"]
    return own


def _card(archive: Path) -> ModelCard:
    folder = archive.with_name("unpacked")
    folder.mkdir()
    return unpack_archive(archive, folder)
