# SPDX-License-Identifier: Apache-2.0
"""All figures that a reviewer asks for: ``python -m benchmarks``."""

import sys

from benchmarks import environments, synth
from tests.synth import figures

if __name__ == "__main__":
    sys.exit(max(synth.main(), environments.main(), figures.main()))
