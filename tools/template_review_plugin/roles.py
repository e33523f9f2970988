# SPDX-License-Identifier: Apache-2.0
"""The roles that GitHub deploys with, as one more assembly of each environment.

Runs inside a tree of any age, so it imports the tree's own ``stacks.github_oidc`` and nothing
of the review.
"""

from pathlib import Path
from typing import Any

REPOSITORY = "owner/name"
"""Any repository: what matters is how the trust refers to it."""


def available(tree: Path) -> bool:
    """Whether this tree has such roles."""
    return (tree / "stacks" / "github_oidc.py").is_file()


def build(app: Any, environment: str) -> None:
    """The roles of one environment."""
    from stacks.github_oidc import build as roles  # noqa: PLC0415 - the tree's own

    app.node.set_context("repository", REPOSITORY)
    app.node.set_context("environment", environment)
    roles(app)
