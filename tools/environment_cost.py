# SPDX-License-Identifier: Apache-2.0
"""What an environment costs per month, estimated from its committed templates.

The same cost model, price table and assumed use as in ``make review`` and SUMMARY.md (packages/
template-review, ``cost/``). It reads ``tests/synth/snapshots``, which a test compares with the
synthesised templates, so listing the environments needs no build.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.config.settings import Settings
from template_review.cost.estimate import monthly
from template_review.model import Assembly, Project, Stack
from tools.template_review_plugin import PROJECT, use

SNAPSHOTS = Path(__file__).resolve().parent.parent / "tests" / "synth" / "snapshots"
UNFOLDED = "(JSON text)"


def project_of(settings: Settings, cameras: int) -> Project:
    """The review's project with the use of one environment: its cameras and their telemetry."""
    telemetry = settings.camera.telemetry_seconds
    return replace(PROJECT, use=use(cameras=cameras, telemetry_seconds=telemetry))


def monthly_cost(name: str, settings: Settings, project: Project) -> dict[str, float] | None:
    """US dollars per month, by purpose; None before the environment has snapshots."""
    files = sorted((SNAPSHOTS / name).glob("*.json"))
    if not files:
        return None
    stacks = {
        path.stem: Stack(
            id=path.stem,
            name=f"{settings.prefix}-{path.stem.lower()}",
            account=settings.account,
            region=settings.region,
            template=json.loads(path.read_text(encoding="utf-8"), object_hook=_folded),
        )
        for path in files
    }
    return monthly(Assembly(name, settings.prefix, stacks), project)


def _folded(document: dict[str, Any]) -> Any:
    """JSON text that a snapshot shows unfolded (tests/synth/normalise.py), as text again."""
    return json.dumps(document[UNFOLDED]) if document.keys() == {UNFOLDED} else document
