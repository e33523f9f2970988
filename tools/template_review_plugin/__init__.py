# SPDX-License-Identifier: Apache-2.0
"""Binsight's part of the template review (packages/template-review).

``[tool.template-review]`` in pyproject.toml names ``PROJECT``; the package does not depend on
Binsight.
"""

from dataclasses import replace
from pathlib import Path

from template_review.cost.prices import Use
from template_review.model import Gate, Project
from tools.template_review_plugin.bins import bin_items
from tools.template_review_plugin.files import FILES

_WEAK = "weaker models pass the gate"
_FAILING = "a rollout continues although more cameras fail"
GATES = (
    Gate("minimumaccuracy", True, 0.0, _WEAK),
    Gate("minimumrecall", True, 0.0, _WEAK + " (a class may be found less often)"),
    Gate("maximumint8loss", False, 100.0, "models that lose more accuracy through int8 pass"),
    Gate("tolerance", False, 100.0, "models worse than the one in service pass"),
    Gate("maximumforgetting", False, 100.0, "models that forget earlier photos pass"),
    Gate("maximumfailedpercent", False, 100.0, _FAILING + "; at 100 it is never aborted"),
    Gate("bakeminutes", True, 0.0, "the fleet follows before the canaries can show problems"),
)
"""The thresholds that stop a weak model or a bad rollout."""

ITEMS_PER_DAY = 1000.0


def use(*, cameras: int = 10, telemetry_seconds: int = 60, idle: bool = False) -> Use:
    """The use that cost estimates assume: cameras that each sort 1000 items a day.

    ``idle``: nothing is trained and nothing is stored.
    """
    telemetry = 24 * 60 * 60 / telemetry_seconds
    messages = (("*/telemetry", telemetry), ("*", ITEMS_PER_DAY))
    found = Use(devices=cameras, messages_per_day=messages)
    return replace(found, pipeline_runs=0, stored_gb=0.0) if idle else found


PROJECT = Project(
    sections=(bin_items,),
    gates=GATES,
    files=FILES,
    own_code=frozenset({"camera", "contracts", "promotion", "rollout", "training"}),
    more_apps=(Path(__file__).with_name("roles.py"),),
    use=use(),
)
