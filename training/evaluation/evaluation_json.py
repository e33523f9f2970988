# SPDX-License-Identifier: Apache-2.0
"""``evaluation.json``: SageMaker's schema for the registry, and everything else beside it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from contracts.bins import BinPolicy
from training.evaluation.baseline_comparison import BaselineComparison
from training.evaluation.by_size import GATED
from training.evaluation.measure import Findings, calibration_of, reliability_of
from training.evaluation.metrics import model_quality
from training.evaluation.quality_verdict import Thresholds, Verdict

OLD_AND_NEW = ("old_photos", "new_photos")
_MISTAKES = 24


def document_of(
    findings: Findings, against: BaselineComparison, verdict: Verdict, thresholds: Thresholds
) -> dict[str, Any]:
    """The document for the registry's display, the pipeline's gate and scripts."""
    card = findings.card
    low, high = findings.interval
    return {
        "multiclass_classification_metrics": model_quality(
            findings.test.labels, findings.answers, card.labels
        ),
        "binsight": {
            "schema": 2,
            "verdict": verdict.to_json(),
            "thresholds": {
                "minimum_item_accuracy": thresholds.minimum_item_accuracy,
                "minimum_accuracy": thresholds.minimum_accuracy,
                "minimum_recall": thresholds.minimum_recall,
                "maximum_int8_loss": thresholds.maximum_int8_loss,
                "tolerance": thresholds.tolerance,
                "maximum_forgetting": thresholds.maximum_forgetting,
            },
            "registry": _registry(findings, verdict),
            "model_digest": card.digests["model"],
            "dataset_digest": card.digests["dataset"],
            "code_digest": card.digests["code"],
            "precision": _precision(findings),
            "model_bytes": findings.model_bytes,
            "test_photos": len(findings.test.labels),
            "accuracy_interval": {"confidence": 0.95, "low": low, "high": high},
            "per_class": dict(findings.classes),
            "by_size": findings.sizes.to_json() if findings.sizes else {},
            "bins": _bins(findings),
            "calibration": calibration_of(findings),
            "reliability": reliability_of(findings),
            "robustness": dict(findings.hardships),
            "latency": findings.latency.to_json(),
            "int8": findings.int8.to_json() if findings.int8 else None,
            "approved": {
                "name": against.name,
                "note": against.note,
                "fair": against.fair,
                "compared": against.compared.to_json() if against.compared else None,
                **old_and_new(against),
            },
            "mistakes": _mistakes(findings),
            "validation": card.metrics.get("validation", {}),
        },
    }


def old_and_new(against: BaselineComparison) -> dict[str, Any]:
    """Both models' results on the earlier test photos and on new ones, if there are both."""
    if against.old is None or against.new is None:
        return {}
    found = zip(OLD_AND_NEW, (against.old, against.new), strict=True)
    return {name: compared.to_json() for name, compared in found}


def policy_version(policy: BinPolicy | None) -> str:
    """Twelve characters that identify the policy; "none" without one."""
    if policy is None:
        return "none"
    return hashlib.sha256(policy.to_json().encode()).hexdigest()[:12]


def _registry(findings: Findings, verdict: Verdict) -> dict[str, str]:
    """Texts for the model package's metadata, which allows only text."""
    digests = findings.card.digests
    sizes = findings.sizes
    return {
        "item_accuracy": f"{sizes.at(GATED):.4f}" if sizes else "unknown",
        "dataset_digest": digests["dataset"],
        "code_digest": digests["code"],
        "model_digest": digests["model"],
        "bin_policy_version": policy_version(findings.policy),
        "accuracy": f"{findings.accuracy:.4f}",
        "precision": _precision(findings),
        "verdict": verdict.text[:256],
    }


def _precision(findings: Findings) -> str:
    return findings.card.precision or "unknown"


def _bins(findings: Findings) -> dict[str, Any]:
    found = findings.bins
    if found is None or findings.policy is None:
        return {"policy_version": "none", "per_bin": {}}
    return {
        "policy_version": policy_version(findings.policy),
        "unsure_below": findings.policy.unsure_below,
        "accuracy": found.accuracy,
        "unsure": found.unsure,
        "default": findings.policy.default,
        "unnamed_classes": list(found.unnamed),
        "per_bin": {name: dict(row) for name, row in found.rows.items()},
        "confusion_matrix": {
            name: dict(zip(found.names, counts, strict=True))
            for name, counts in zip(found.names, found.matrix.tolist(), strict=True)
        },
    }


def _mistakes(findings: Findings) -> list[Mapping[str, Any]]:
    """The most confident wrong answers, by the photo's name in the prepared folder."""
    labels = findings.card.labels
    return [
        {
            "photo": findings.test.files[position],
            "class": labels[int(findings.test.labels[position])],
            "answer": labels[int(findings.answers[position])],
            "confidence": round(float(findings.probabilities[position].max()), 4),
        }
        for position in findings.mistakes()[:_MISTAKES]
    ]
