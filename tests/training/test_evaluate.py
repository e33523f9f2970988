# SPDX-License-Identifier: Apache-2.0
"""The evaluation of a whole run: what the gate, the registry and people get to see."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from camera.model import engine as camera_engine
from contracts.bins import read_policy
from contracts.cut import CutRule
from contracts.messages import ModelName
from contracts.model_archive import CARD, unpack_archive, write_archive
from tests.city.munich import CITY
from tests.training.conftest import Run
from training import evaluate as step
from training import pages
from training.data import load
from training.evaluate import evaluate
from training.evaluation.approved import Approved
from training.evaluation.corruptions import CONDITIONS
from training.evaluation.measure import measure
from training.evaluation.quality_verdict import Thresholds
from training.packaging.provenance import pack_fingerprints
from training.sagemaker_job import StepError

pytestmark = pytest.mark.xdist_group("training")


def again(run: Run, folder: Path, **more: Any) -> dict[str, Any]:
    """Evaluate the run's trained archive once more."""
    archive = run.evaluate / "processing/input/model/model.tar.gz"
    return evaluate(archive, run.prepared, evaluation=folder, output=folder, **more)


def remade(run: Run, folder: Path, **changes: Any) -> Path:
    """The run's archive with a changed card."""
    (folder / "content").mkdir(parents=True)
    card = unpack_archive(run.archive, folder / "content")
    (folder / "content" / CARD).write_text(replace(card, **changes).to_json())
    write_archive(folder / "content", folder / "model.tar.gz")
    return folder / "model.tar.gz"


def test_evaluation_says_everything_that_the_pipeline_reads(sagemaker_run: Run) -> None:
    own = sagemaker_run.evaluation["binsight"]
    assert own["verdict"]["passed_value"] == 1
    assert own["verdict"]["text"].startswith("passed: accuracy with the item on 35% of the view")
    assert set(own["by_size"]["sizes"]) == {"0.5", "0.35", "0.25"}
    gated = own["by_size"]["sizes"]["0.35"]["accuracy"]
    assert float(own["registry"]["item_accuracy"]) == pytest.approx(gated, abs=1e-4)
    assert all(isinstance(value, str) and value for value in own["registry"].values())
    assert own["registry"]["model_digest"] == own["model_digest"]
    accuracy = sagemaker_run.evaluation["multiclass_classification_metrics"]["accuracy"]["value"]
    assert float(own["registry"]["accuracy"]) == pytest.approx(accuracy, abs=1e-4)
    assert own["precision"] == own["registry"]["precision"] == "int8"
    assert set(own["robustness"]) == set(CONDITIONS)
    assert own["int8"]["photos"] == own["test_photos"]
    assert 0 < own["latency"]["p50_ms"] <= own["latency"]["p99_ms"]
    assert own["archive_bytes"] < 4_000_000
    assert own["calibration"]["measured_on"] == "test"
    wrong = own["test_photos"] * (1 - accuracy)
    assert len(own["mistakes"]) == round(wrong)
    for item in own["mistakes"]:
        assert (sagemaker_run.prepared / item["photo"]).is_file()
        assert item["photo"].split("/")[1] == item["class"] != item["answer"]


def test_the_archive_is_without_the_float_reference(sagemaker_run: Run, tmp_path: Path) -> None:
    card = unpack_archive(sagemaker_run.archive, tmp_path)
    assert card.metrics["test"]["by_size"]["0.35"]["accuracy"] > 0
    assert card.cut_rule() == CutRule()
    assert card.metrics["test"]["robustness"] == sagemaker_run.evaluation["binsight"]["robustness"]
    assert card.calibration == sagemaker_run.evaluation["binsight"]["calibration"]


def test_what_is_measured_is_what_a_camera_answers(sagemaker_run: Run, tmp_path: Path) -> None:
    card = unpack_archive(sagemaker_run.archive, tmp_path)
    assert card.flips
    test = load(sagemaker_run.prepared, "test", card.labels, size=card.width)
    name = ModelName(digest="0" * 64, version="1.0.0")
    camera = camera_engine.load(tmp_path, card=card, name=name, threads=1)
    answers = np.stack([camera.answer(picture) for picture in test.pixels])
    found = measure(tmp_path, card, sagemaker_run.prepared, test, None)
    assert np.allclose(found.probabilities, answers, atol=1e-6)
    plain = np.stack([camera.infer(picture) for picture in test.pixels])
    assert not np.allclose(plain, answers, atol=1e-3)


def test_the_report_stands_alone_and_leads_with_the_verdict(sagemaker_run: Run) -> None:
    folder = sagemaker_run.evaluate / "processing/output/evaluation"
    page = (folder / "report/index.html").read_text()
    assert "https:" not in page
    assert "http:" not in page.replace("http://www.w3.org/", "")
    assert page.count("<svg") == 4
    mistakes = len(sagemaker_run.evaluation["binsight"]["mistakes"])
    assert page.count("<figure>") == page.count('src="data:image/jpeg;base64,') == mistakes
    names = ("verdict", "sizes", "classes", "mistakes")
    order = [page.index(f'<section id="{name}"') for name in names]
    assert order == sorted(order)
    assert "Passed: this model may be registered." in page


def test_a_refused_model_is_a_result_with_reasons(sagemaker_run: Run, tmp_path: Path) -> None:
    document = again(sagemaker_run, tmp_path, thresholds=Thresholds(minimum_recall=1.0))
    verdict = document["binsight"]["verdict"]
    recalls = {name: row["recall"] for name, row in document["binsight"]["bins"]["per_bin"].items()}
    missed = [name for name, recall in recalls.items() if recall < 1]
    assert missed, "two epochs on drawn pictures do not make a perfect model"
    assert verdict["passed_value"] == 0
    assert [reason.split()[3] for reason in verdict["reasons"]] == missed
    page = (tmp_path / "report/index.html").read_text()
    assert "Refused." in page
    assert all(reason.split(" (")[0] in page for reason in verdict["reasons"])
    assert (tmp_path / "model.tar.gz").is_file()


def test_another_city_s_bins_are_in_the_report_and_what_is_in_none_is_never_right(
    sagemaker_run: Run, tmp_path: Path
) -> None:
    toml = tmp_path / "muc.toml"
    toml.write_text(CITY + 'compost = "Bio"\nrecycling = "Wertstoffe"\n', encoding="utf-8")
    document = again(sagemaker_run, tmp_path, policy=read_policy(str(toml)))
    bins = document["binsight"]["bins"]
    assert bins["unnamed_classes"] == ["landfill"]
    assert bins["accuracy"] <= 2 / 3
    page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    assert (
        "where these classes belong:</strong> landfill. They go to the default bin (Restmüll)"
        in page
    )
    assert 'background:#6b4a1f">Bio</span>' in page


def test_the_same_model_in_service_ties(sagemaker_run: Run, tmp_path: Path) -> None:
    approved = Approved(name="group/1", archive=sagemaker_run.archive)
    own = again(sagemaker_run, tmp_path, approved=approved)["binsight"]
    compared = own["approved"]["compared"]
    assert (compared["lost"], compared["won"], compared["p_worse"]) == (0, 0, 1.0)
    assert own["verdict"]["checks"][-1]["name"] == "against the model in service"
    assert own["verdict"]["passed"]


def test_a_model_of_another_split_is_compared_on_what_it_has_not_seen(
    sagemaker_run: Run, tmp_path: Path
) -> None:
    other = {"digests": {**_digests(sagemaker_run, tmp_path / "x"), "dataset": "0" * 64}}
    unseen = remade(sagemaker_run, tmp_path / "unseen", **other)
    own = again(sagemaker_run, tmp_path, approved=Approved(name="g/1", archive=unseen))["binsight"]
    assert own["approved"]["compared"]["photos"] == own["test_photos"]
    unknown = remade(sagemaker_run, tmp_path / "unknown", seen="", **other)
    own = again(sagemaker_run, tmp_path, approved=Approved(name="g/1", archive=unknown))["binsight"]
    assert not own["approved"]["fair"]
    assert "may have been trained on some of the current test photos" in own["verdict"]["notes"][0]
    assert own["verdict"]["notes"][1].startswith("not counted: against the model in service")
    learned = remade(sagemaker_run, tmp_path / "learned", seen=_seen_test(sagemaker_run), **other)
    own = again(sagemaker_run, tmp_path, approved=Approved(name="g/1", archive=learned))["binsight"]
    assert own["approved"]["compared"] is None
    assert "was trained on 6 of the current test photos; only 0 others" in own["approved"]["note"]


def test_a_broken_or_strange_model_in_service_blocks_nothing(
    sagemaker_run: Run, tmp_path: Path
) -> None:
    half = tmp_path / "half.tar.gz"
    half.write_bytes(sagemaker_run.archive.read_bytes()[:5000])
    labels = remade(sagemaker_run, tmp_path / "labels", labels=("glass", "metal", "paper"))
    size = remade(sagemaker_run, tmp_path / "size", width=64, height=64)
    for approved, said in (
        (Approved(name="g/1", archive=half), "its archive cannot be read: half.tar.gz: damaged"),
        (
            Approved(name="g/1", archive=labels),
            "its classes are glass, metal, paper, those of the new one compost",
        ),
        (Approved(name="g/1", archive=size), "onnxruntime cannot run it"),
        (Approved(name="g/1", archive=None, problem="s3://x is gone"), "s3://x is gone"),
    ):
        own = again(sagemaker_run, tmp_path, approved=approved)["binsight"]
        assert own["verdict"]["passed"]
        assert f"not compared with the model in service, g/1: {said}" in own["approved"]["note"]
        assert own["verdict"]["notes"] == [own["approved"]["note"]]


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("--minimum-accuracy=high", r"minimum-accuracy = 'high'; allowed: a number"),
        ("--minimum-recall=90", r"minimum-recall = 90\.0; allowed: numbers from 0 to 1"),
        ("--tolerance=nan", r"tolerance = nan; allowed: numbers from 0 to 100"),
        ("--bins={", r"bin policy: not JSON"),
        ('--bins={"classes":{"glass":"oven"}}', r"bin policy: glass = 'oven'; allowed: landfill"),
    ],
)
def test_wrong_options_are_named(
    option: str, complaint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["evaluate", option, f"--output={tmp_path / 'o'}"])
    with pytest.raises(StepError, match=complaint):
        step.main()
    assert not (tmp_path / "o").exists()


def test_a_bin_policy_may_come_in_pieces(
    sagemaker_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"model": sagemaker_run.evaluate / "processing/input/model", "output": tmp_path}
    places |= {"prepared": sagemaker_run.prepared, "evaluation": tmp_path}
    options = [f"--{name}={path}" for name, path in places.items()]
    pieces = ['{"classes":{"compost":"land', 'fill"},"unsure_below":0.0}']
    monkeypatch.setattr(sys, "argv", ["evaluate", *options, "--bins", *pieces])
    step.main()
    bins = json.loads((tmp_path / "evaluation.json").read_text())["binsight"]["bins"]
    assert set(bins["per_bin"]) == {"landfill", "recycling"}
    assert bins["per_bin"]["landfill"]["photos"] == 4
    assert len(bins["policy_version"]) == 12


def test_nothing_half_written_is_left_when_a_step_breaks(
    sagemaker_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again(sagemaker_run, tmp_path)  # an earlier result, which must not stay either

    written = pages.write

    def full(path: Path, text: str) -> None:
        if path.name == "evaluation.json":
            raise OSError(28, "No space left on device")
        written(path, text)

    monkeypatch.setattr("training.pages.write", full)
    with pytest.raises(OSError, match="No space left"):
        again(sagemaker_run, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def _digests(run: Run, folder: Path) -> dict[str, str]:
    folder.mkdir()
    return dict(unpack_archive(run.archive, folder).digests)


def _seen_test(run: Run) -> str:
    return pack_fingerprints(run.prepared.glob("test/*/*"))


def test_an_approved_model_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["evaluate", f"--approved={tmp_path / 'x.tar.gz'}"])
    with pytest.raises(StepError, match=r"approved = .*x\.tar\.gz: no such file or folder"):
        step.main()


def test_a_float_model_says_why_it_is_one(sagemaker_run: Run, tmp_path: Path) -> None:
    trained = remade(
        sagemaker_run,
        tmp_path / "made",
        precision="float32",
        metrics={"validation": {"int8_points_lost": 3.25}},
    )
    (tmp_path / "training").mkdir()
    (tmp_path / "training/index.html").write_text("<p>curves")
    own = evaluate(trained, sagemaker_run.prepared, evaluation=tmp_path, output=tmp_path)
    notes = own["binsight"]["verdict"]["notes"]
    assert (
        notes[0] == "model.onnx is float32: int8 loses 3.2 points of accuracy on validation photos"
    )
    assert own["binsight"]["int8"] is None
    assert own["binsight"]["registry"]["precision"] == "float32"
    assert '<a href="../training/index.html">' in (tmp_path / "report/index.html").read_text()
