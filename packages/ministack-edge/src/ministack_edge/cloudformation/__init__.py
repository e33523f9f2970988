# SPDX-License-Identifier: Apache-2.0
"""CloudFormation: the resource types that this package adds, imports, and what AWS refuses."""

from ministack_edge.cloudformation import (
    conditions,
    greengrass,
    imports,
    queries_and_budgets,
    refusals,
    sagemaker,
    waiting,
)


def install() -> None:
    """Add it all to ministack's CloudFormation."""
    conditions.install()
    greengrass.install()
    sagemaker.install()
    queries_and_budgets.install()
    imports.install()
    refusals.install()
    waiting.install()
