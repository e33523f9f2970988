# SPDX-License-Identifier: Apache-2.0
"""All figures that a reviewer asks for: ``python -m benchmarks``."""

import sys

from benchmarks import environments, synth
from contracts.command_line import run_command
from tests.synth import figures

if __name__ == "__main__":
    sys.exit(run_command(lambda: max(synth.main(), environments.main(), figures.main())))
