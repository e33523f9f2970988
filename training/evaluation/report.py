# SPDX-License-Identifier: Apache-2.0
"""The evaluation as a page: the verdict and its reasons first, the worst mistakes as photos."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training import pages
from training.evaluation.baseline_comparison import BaselineComparison
from training.evaluation.measure import Findings
from training.evaluation.quality_verdict import Verdict
from training.evaluation.report_charts import (
    confusion_chart,
    reliability_chart,
    robustness_chart,
    sizes_chart,
)

_SHOWN_MISTAKES = 18


def report(
    findings: Findings,
    against: BaselineComparison,
    verdict: Verdict,
    document: Mapping[str, Any],
    *,
    prepared: Path,
    links: Mapping[str, str],
) -> str:
    """The HTML of ``report/index.html``.

    ``document`` is the content of evaluation.json, ``links`` are the addresses of the run's other
    reports by name.
    """
    own = document["binsight"]
    quality = document["multiclass_classification_metrics"]
    return pages.render(
        "evaluation_report.html",
        title="Evaluation report",
        verdict=verdict,
        own=own,
        quality=quality,
        findings=findings,
        against=against,
        card=findings.card,
        macro_recall=sum(row["recall"] for row in findings.classes.values())
        / len(findings.classes),
        weakest=min(findings.classes.items(), key=lambda item: item[1]["recall"]),
        confusion=confusion_chart(findings.matrix, findings.card.labels),
        reliability=reliability_chart(findings.before, findings.after),
        sizes=sizes_chart(findings.accuracy, findings.sizes) if findings.sizes else "",
        robustness=robustness_chart(findings.accuracy, findings.hardships),
        links=links,
        mistakes=_gallery(findings, prepared),
        hyperparameters=sorted(findings.card.created_from.get("hyperparameters", {}).items()),
    )


def _gallery(findings: Findings, prepared: Path) -> list[dict[str, str]]:
    """The most confident wrong answers, which reveal mislabelled photos and weaknesses first."""
    labels = findings.card.labels
    pictures = []
    for position in findings.mistakes()[:_SHOWN_MISTAKES]:
        really = labels[int(findings.test.labels[position])]
        answered = labels[int(findings.answers[position])]
        sure = float(findings.probabilities[position].max())
        name = findings.test.files[position]
        pictures.append(
            {
                "src": pages.thumbnail(prepared / name),
                "alt": f"{really}, answered {answered}",
                "text": f"{really} → {answered} {sure:.0%}",
                "note": Path(name).name,
            }
        )
    return pictures
