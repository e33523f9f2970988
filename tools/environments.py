# SPDX-License-Identifier: Apache-2.0
"""List the environments with account, size, retention and cost.

``make environments`` runs this. A file that cannot be used is reported below the table with all its
errors, and the exit status is 1.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from contracts.command_line import run_command
from infra.checks.environments import collisions
from infra.config import settings
from tools.environment_cost import monthly_cost, project_of
from tools.template_review_plugin import PROJECT

HEADINGS = {
    "name": "environment",
    "account": "account",
    "region": "region",
    "prefix": "prefix",
    "removal": "removal",
    "approval": "approval",
    "training": "training",
    "keeps": "keeps (days)",
    "rollout": "rollout",
    "usd_per_month": "USD/month",
}
_RIGHT = {"usd_per_month"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, or JSON; 1 if an environment cannot be used."""
    parser = argparse.ArgumentParser(prog="make environments", description=__doc__)
    parser.add_argument(
        "--cameras", type=int, default=PROJECT.use.devices, help="cameras per environment"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    if options.cameras < 0:
        parser.error(f"--cameras {options.cameras}: 0 or more")
    usable, faults = read()
    faults += collisions(usable)
    rows = [row(name, one, options.cameras) for name, one in usable.items()]
    if options.json:
        prices = {"as_of": PROJECT.prices.as_of, "source": PROJECT.prices.source}
        print(json.dumps({"environments": rows, "prices": prices, "faults": faults}, indent=2))
    else:
        print("\n".join(table(rows)))
        print(f"\n{cost_note(options.cameras)}")
    for fault in faults:
        print(f"environments: {fault}", file=sys.stderr)
    return 1 if faults else 0


def read() -> tuple[dict[str, settings.Settings], list[str]]:
    """The environments that can be used, and the errors in the others."""
    usable, faults = {}, []
    for name in settings.names():
        try:
            usable[name] = settings.load(name)
        except settings.SettingsError as error:
            faults += str(error).splitlines()
    if not usable and not faults:
        faults.append(f"{settings.folder()}: no environment file here; make new-environment")
    return usable, faults


def cost_note(cameras: int) -> str:
    """The note about the estimated amounts: assumed use and prices."""
    prices = PROJECT.prices
    return (
        f"USD/month: an estimate at {prices.words} ({prices.source}; {prices.checked})\n"
        f"for {cameras} cameras with 1000 items a day each and each environment's telemetry; the "
        "templates\nare those of tests/synth/snapshots (-: none yet, make snapshots writes them)."
    )


def row(name: str, one: settings.Settings, cameras: int) -> dict[str, Any]:
    """The table's row of one environment; ``usd_per_month`` is None before it has snapshots."""
    amounts = monthly_cost(name, one, project_of(one, cameras))
    training, data = one.training, one.data
    return {
        "name": name,
        "account": one.account,
        "region": one.region,
        "prefix": one.prefix,
        "removal": one.removal,
        "approval": training.approval,
        "training": (
            f"models of {training.source}"
            if training.source
            else f"{training.instance_type}, {training.epochs} epochs, {training.image_size} px"
        ),
        "keeps": f"captures {data.captures_days}, archive {data.archive_days}, log {data.log_days}",
        "rollout": f"bake {one.rollout.bake_minutes} min, {one.rollout.cameras_per_minute}/min",
        "usd_per_month": None if amounts is None else round(sum(amounts.values()), 2),
    }


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The rows as lines of aligned columns."""
    cells = [HEADINGS, *({key: _cell(one[key]) for key in HEADINGS} for one in rows)]
    widths = {key: max(len(line[key]) for line in cells) for key in HEADINGS}
    return [
        "  ".join(
            line[key].rjust(widths[key]) if key in _RIGHT else line[key].ljust(widths[key])
            for key in HEADINGS
        ).rstrip()
        for line in cells
    ]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(run_command(main))
