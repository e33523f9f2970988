# SPDX-License-Identifier: Apache-2.0
"""Evaluate: measure the file that will be deployed on photos that training never saw.

Reads train's model.tar.gz and the prepared photos; writes ``evaluation.json`` in the form that
SageMaker's model registry displays, with the gate's verdict, ``report/index.html`` for people, and
the final model.tar.gz: the same model.onnx, byte for byte, its card completed with the results.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from contracts.bins import BinPolicy
from contracts.model_archive import (
    CARD,
    REFERENCE,
    ArchiveError,
    ModelCard,
    unpack_archive,
    write_archive,
)
from training import pages, sagemaker_job
from training.data import load, read_dataset
from training.evaluation.approved import Approved
from training.evaluation.baseline_comparison import BaselineComparison, compare_with_baseline
from training.evaluation.by_size import GATED
from training.evaluation.evaluation_json import OLD_AND_NEW, document_of, old_and_new
from training.evaluation.gate_options import (
    add_gate_options,
    given_approved,
    given_policy,
    given_thresholds,
)
from training.evaluation.measure import Findings, calibration_of, measure
from training.evaluation.quality_verdict import Measured, Thresholds, Verdict, decide
from training.evaluation.report import report

ARCHIVE = "model.tar.gz"
EVALUATION = "evaluation.json"
REPORT = Path("report", "index.html")


def evaluate(
    model: Path,
    prepared: Path,
    *,
    evaluation: Path,
    output: Path,
    approved: Approved | None = None,
    thresholds: Thresholds | None = None,
    policy: BinPolicy | None = None,
) -> dict[str, Any]:
    """Do the step; return what ``evaluation.json`` says. ``model`` is an archive or its folder.

    A refused model is a result, not an error: the verdict contains it, and the pipeline's gate uses
    the verdict.
    """
    started = time.monotonic()
    archive = model / ARCHIVE if model.is_dir() else model
    if not archive.is_file():
        raise sagemaker_job.StepError(f"{archive}: no such model archive")
    dataset = read_dataset(prepared)
    thresholds = thresholds or Thresholds()
    _clear(evaluation, output)
    with tempfile.TemporaryDirectory(prefix="binsight-") as name:
        scratch = Path(name)
        try:
            card = unpack_archive(archive, scratch, extra={REFERENCE})
        except ArchiveError as error:
            raise sagemaker_job.StepError(str(error)) from error
        _require_same_data(card, dataset)
        test = load(prepared, "test", card.labels, size=card.width)
        findings = measure(scratch, card, prepared, test, policy)
        against = compare_with_baseline(
            approved,
            prepared=prepared,
            test=test,
            card=card,
            right=findings.right,
        )
        verdict = _verdict(findings, against, thresholds)
        (scratch / CARD).write_text(_completed(findings, against).to_json(), encoding="utf-8")
        document = document_of(findings, against, verdict, thresholds)
        try:
            document["binsight"]["archive_digest"] = write_archive(scratch, output / ARCHIVE)
            document["binsight"]["archive_bytes"] = (output / ARCHIVE).stat().st_size
            page = report(
                findings,
                against,
                verdict,
                document,
                prepared=prepared,
                links=_neighbours(evaluation, prepared),
            )
            pages.write(evaluation / REPORT, page)
            # Written last: if evaluation.json exists, the rest is complete.
            text = json.dumps(document, indent=1, sort_keys=True) + "\n"
            pages.write(evaluation / EVALUATION, text)
        except BaseException:
            _clear(evaluation, output)
            raise
    _summary(document, output / ARCHIVE, evaluation / REPORT, time.monotonic() - started)
    return document


def _clear(evaluation: Path, output: Path) -> None:
    """Remove an earlier result, its marker first."""
    for path in (evaluation / EVALUATION, evaluation / REPORT, output / ARCHIVE):
        path.unlink(missing_ok=True)
    for folder in (evaluation, output):
        folder.mkdir(parents=True, exist_ok=True)


def _require_same_data(card: ModelCard, dataset: Mapping[str, Any]) -> None:
    """Refuse another split: the model may have been trained on these test photos."""
    if list(card.labels) != dataset["classes"]:
        raise sagemaker_job.StepError(
            f"the model's classes are {', '.join(card.labels)}; the prepared photos are of "
            f"{', '.join(dataset['classes'])}"
        )
    if card.digests.get("dataset") != dataset["digest"]:
        raise sagemaker_job.StepError(
            f"the model was trained on dataset {card.digests.get('dataset', 'unknown')[:12]}, the "
            f"prepared photos are dataset {dataset['digest'][:12]}: test photos may have been seen"
        )


def _verdict(findings: Findings, against: BaselineComparison, thresholds: Thresholds) -> Verdict:
    return decide(
        Measured(
            accuracy=findings.accuracy,
            photos=len(findings.test.labels),
            bin_recall=findings.bins.recall if findings.bins else {},
            int8=findings.int8,
            approved=against.compared,
            approved_fair=against.fair,
            approved_note=against.note,
            old_photos=against.old,
            new_photos=against.new,
            float_note=_float_note(findings),
            item_accuracy=findings.sizes.at(GATED) if findings.sizes else None,
            item_share=GATED,
            item_photos=findings.sizes.photos if findings.sizes else 0,
        ),
        thresholds,
    )


def _float_note(findings: Findings) -> str:
    """Why a float model is shipped, if export had a choice."""
    lost = findings.card.metrics.get("validation", {}).get("int8_points_lost")
    if findings.card.precision != "float32" or lost is None:
        return ""
    return f"model.onnx is float32: int8 loses {lost:.1f} points of accuracy on validation photos"


def _neighbours(evaluation: Path, prepared: Path) -> dict[str, str]:
    """Other reports of the same run, if they are beside this one (on a laptop)."""
    found = {
        "Training": evaluation / "training" / "index.html",
        "Data": prepared / "report" / "index.html",
    }
    return {
        name: f"../{path.relative_to(evaluation).as_posix()}"
        for name, path in found.items()
        if path.is_file() and path.is_relative_to(evaluation)
    }


def _completed(findings: Findings, against: BaselineComparison) -> ModelCard:
    low, high = findings.interval
    test = {
        "photos": len(findings.test.labels),
        "accuracy": findings.accuracy,
        "accuracy_interval": {"confidence": 0.95, "low": low, "high": high},
        "per_class": dict(findings.classes),
        "robustness": dict(findings.hardships),
        "by_size": findings.sizes.to_json()["sizes"] if findings.sizes else {},
    }
    if against.same:
        # The same photos give the same model, so its archive stays the same too.
        test |= {
            name: against.same.metrics.get("test", {})[name]
            for name in OLD_AND_NEW
            if name in against.same.metrics.get("test", {})
        }
    else:
        test |= old_and_new(against)
    card = findings.card
    return replace(
        card, metrics={**card.metrics, "test": test}, calibration=calibration_of(findings)
    )


def _summary(document: Mapping[str, Any], archive: Path, page: Path, seconds: float) -> None:
    own = document["binsight"]
    for name, row in own["per_class"].items():
        print(
            f"class={name} photos={row['photos']} recall={row['recall']:.3f} "
            f"precision={row['precision']:.3f}"
        )
    for name, row in own["bins"]["per_bin"].items():
        print(f"bin={name} photos={row['photos']} recall={row['recall']:.3f}")
    if unnamed := own["bins"].get("unnamed_classes"):
        print(
            f"evaluate: WARNING: no line of [bins.classes] names a bin for: {', '.join(unnamed)}; "
            f"they go to the default bin ({own['bins']['default']}) and "
            "count as wrong"
        )
    accuracy = document["multiclass_classification_metrics"]["accuracy"]["value"]
    interval = own["accuracy_interval"]
    for share, row in own["by_size"].get("sizes", {}).items():
        print(f"evaluate: item on {float(share):.0%} of the view: accuracy={row['accuracy']:.4f}")
    print(
        f"evaluate: test_accuracy={accuracy:.4f} interval={interval['low']:.3f}.."
        f"{interval['high']:.3f} photos={own['test_photos']} model={own['model_digest'][:12]}"
    )
    for name in OLD_AND_NEW:
        if name in own["approved"]:
            row = own["approved"][name]
            print(
                f"evaluate: {name.replace('_', ' ')}={row['photos']} "
                f"model_in_service={row['before']:.4f} new_model={row['after']:.4f}"
            )
    for note in own["verdict"]["notes"]:
        print(f"evaluate: {note}")
    print(f"evaluate: verdict: {own['verdict']['text']}")
    print(
        f"evaluate: archive={archive} bytes={own['archive_bytes']} "
        f"sha256={own['archive_digest'][:12]} seconds={seconds:.1f}"
    )
    print(f"evaluate: report={page}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, default=sagemaker_job.processing("input", "model"))
    parser.add_argument(
        "--prepared", type=Path, default=sagemaker_job.processing("input", "prepared")
    )
    parser.add_argument(
        "--evaluation", type=Path, default=sagemaker_job.processing("output", "evaluation")
    )
    parser.add_argument("--output", type=Path, default=sagemaker_job.processing("output", "model"))
    add_gate_options(parser)
    given = parser.parse_args()
    thresholds, policy = given_thresholds(given), given_policy(given)
    with tempfile.TemporaryDirectory(prefix="binsight-") as scratch:
        evaluate(
            given.model,
            given.prepared,
            evaluation=given.evaluation,
            output=given.output,
            approved=given_approved(given, Path(scratch), archive_name=ARCHIVE),
            thresholds=thresholds,
            policy=policy,
        )


if __name__ == "__main__":
    sagemaker_job.run(main)
