# SPDX-License-Identifier: Apache-2.0
"""`python -m rehearsal.permissions.record`: rehearse environments, keep what they exercised.

Every environment, and each variant in a folder of environment files (`--variants`), is rehearsed
from an empty account to an empty account. What was exercised goes to
`rehearsal/permissions/exercised.json`, the page to `docs/permissions.md`. What happens seldom
(rehearsal/seldom.py) is part of each.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from contracts.command_line import run_command
from infra.config.settings import names
from rehearsal.permissions.coverage import Exercised
from rehearsal.permissions.page import PAGE, page, read_record, write_record

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Rehearse what is asked for; return 1 if one rehearsal failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environments", nargs="*", help="environments; none: all that there are")
    parser.add_argument(
        "--variants", type=Path, help="a folder with a folder for each variant's environment file"
    )
    parser.add_argument("--port", default="4566")
    parser.add_argument("--page-only", action="store_true", help="write the page anew, no more")
    options = parser.parse_args()
    record = read_record()
    failed = []
    if not options.page_only:
        for name in options.environments or [*names(), *_variants(options.variants)]:
            try:
                record[name] = _rehearse(name, options.port, options.variants)
            except subprocess.CalledProcessError:
                failed.append(name)
            write_record(record)
    PAGE.write_text(page(record), encoding="utf-8")
    for name in failed:
        print(f"permissions: the rehearsal of {name} failed", file=sys.stderr)
    return 1 if failed else 0


def _variants(folder: Path | None) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder is not None else []


def _rehearse(name: str, port: str, variants: Path | None) -> Exercised:
    work = ROOT / ".rehearsal" / f"permissions-{name}"
    environment = dict(os.environ)
    if variants is not None and name in _variants(variants):
        environment["BINSIGHT_ENVIRONMENTS"] = str(variants / name)
    command = [sys.executable, "-m", "rehearsal", "--work", str(work), "run", "--seldom"]
    subprocess.run(
        [*command, "--environment", name, "--port", port], cwd=ROOT, env=environment, check=True
    )
    found = Exercised()
    for role, actions in json.loads((work / "exercised.json").read_text()).items():
        for action, stages in actions.items():
            found.stages[role, action].update(stages)
    return found


if __name__ == "__main__":
    sys.exit(run_command(main))
