# SPDX-License-Identifier: Apache-2.0
"""The steps that SageMaker runs: prepare, train, evaluate. Each also runs alone in plain Python."""

import sys
from pathlib import Path

from contracts.silence import keep_silent

# Python puts the folder of a script (``python training/prepare.py``) before all others, where
# training/packaging would hide the library of that name, which matplotlib imports.
sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).parent]
keep_silent()
