# SPDX-License-Identifier: Apache-2.0
"""Binsight as a CDK app: the four stacks of one environment.

`-c environment=NAME` selects the environment, otherwise BINSIGHT_ENVIRONMENT; the default is dev:

    cdk deploy --all                          # dev
    cdk deploy --all -c environment=prod

The same tree gives the same templates on any machine: no network, no credentials, no git, no clock.
"""

import gc
import os
import sys

if __name__ == "__main__":
    # What a synth makes lives until its end: looking for garbage in it would take seconds.
    gc.disable()

import aws_cdk as cdk

from infra.assets.bundling import NotBundledError
from infra.checks.environments import require_distinct
from infra.common.compliance import attach_rule_packs
from infra.config.errors import SettingsError
from infra.config.exchange import exchange_of
from stacks.data import DataStack
from stacks.edge import EdgeStack
from stacks.insights import InsightsStack
from stacks.training import TrainingStack


def build(app: cdk.App, name: str) -> None:
    """Add the stacks of the environment called ``name`` to the app."""
    environment = require_distinct(name)
    data = DataStack(app, "Data", settings=environment)
    training = TrainingStack(app, "Training", data=data, exchange=exchange_of(name))
    edge = EdgeStack(app, "Edge", data=data, training=training)
    InsightsStack(app, "Insights", data=data, training=training, edge=edge)
    attach_rule_packs(app, prefix=environment.prefix)


def main() -> None:
    """Synthesise the environment that the context or the process environment names."""
    app = cdk.App()
    chosen = app.node.try_get_context("environment")
    try:
        build(app, chosen or os.environ.get("BINSIGHT_ENVIRONMENT") or "dev")
    except (SettingsError, NotBundledError) as error:
        sys.exit(f"binsight: {error}")
    app.synth()


if __name__ == "__main__":
    main()
