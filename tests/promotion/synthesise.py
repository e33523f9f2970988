# SPDX-License-Identifier: Apache-2.0
"""Data and training stacks only: ``BINSIGHT_ENVIRONMENTS=… python -m …synthesise FOLDER``."""

import sys
from pathlib import Path

import aws_cdk as cdk

from infra.assets import bundling
from infra.config import settings
from infra.config.exchange import exchange_of
from stacks.data import DataStack
from stacks.training import TrainingStack
from tests.synth.synthesise import context


def main() -> int:
    """Build the assets, then synthesise every environment there is."""
    output = Path(sys.argv[1])
    if bundling.main() != 0:
        return 1
    for name in settings.names():
        app = cdk.App(context=context(), outdir=str(output / name))
        data = DataStack(app, "Data", settings=settings.load(name))
        TrainingStack(app, "Training", data=data, exchange=exchange_of(name))
        app.synth()
    return 0


if __name__ == "__main__":
    sys.exit(main())
