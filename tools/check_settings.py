# SPDX-License-Identifier: Apache-2.0
"""Reports the errors in an environment's file: ``python -m tools.check_settings dev``.

The app makes the same checks, but the CDK CLI needs many seconds to reach them.
"""

import sys
from collections.abc import Sequence

from contracts.command_line import run_command
from infra.checks.environments import require_distinct
from infra.config.errors import SettingsError


def main(arguments: Sequence[str]) -> int:
    """0 if the environment's file has no errors, otherwise 1."""
    for name in arguments:
        try:
            require_distinct(name)
        except SettingsError as error:
            print(f"binsight: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(run_command(lambda: main(sys.argv[1:])))
