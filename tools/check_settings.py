# SPDX-License-Identifier: Apache-2.0
"""Says what is wrong in an environment's file: ``python -m tools.check_settings dev``.

The app checks the same, but the CDK CLI takes many seconds to get there; a typo should not.
"""

import sys
from collections.abc import Sequence

from contracts.command_line import run_command
from infra.checks.environments import require_distinct
from infra.config.errors import SettingsError


def main(arguments: Sequence[str]) -> int:
    """0 where the environment can be deployed as far as its file tells, else 1."""
    for name in arguments:
        try:
            require_distinct(name)
        except SettingsError as error:
            print(f"binsight: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(run_command(lambda: main(sys.argv[1:])))
