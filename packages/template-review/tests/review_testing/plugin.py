# SPDX-License-Identifier: Apache-2.0
"""What the frozen deployment's project tells the review: an example of a plug-in."""

from template_review.model import Gate, Project

PROJECT = Project(
    gates=(
        Gate("minimumaccuracy", True, 0.0, "weaker models pass the gate"),
        Gate("minimumrecall", True, 0.0, "weaker models pass the gate"),
        Gate("maximumint8loss", False, 100.0, "models that lose more by compression pass"),
        Gate("tolerance", False, 100.0, "models worse than the one in service pass"),
        Gate("maximumfailedpercent", False, 100.0, "a rollout goes on although more fail"),
        Gate("bakeminutes", True, 0.0, "the fleet follows before the canaries show anything"),
    ),
    own_code=frozenset({"camera", "contracts", "rollout", "training"}),
)
