# SPDX-License-Identifier: Apache-2.0
"""One assembly per environment: ``BINSIGHT_ENVIRONMENTS=… python -m …synthesise FOLDER``."""

import sys
from pathlib import Path

from infra.assets import bundling
from infra.config import settings
from tests.synth.synthesise import synthesise


def main() -> int:
    """Build the assets, then synthesise every environment there is; 1 if one has findings."""
    output = Path(sys.argv[1])
    if bundling.main() != 0:
        return 1
    for name in settings.names():
        synthesise(name, output / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
