# SPDX-License-Identifier: Apache-2.0
"""``python -m rehearsal.fleet``; ``make fleet-rehearsal`` calls it."""

import argparse
import os
import random
import sys
from pathlib import Path

from rich.console import Console

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.settings import load
from ministack_edge.clients import only_local
from ministack_edge.process import LocalAwsError
from rehearsal.arguments import hours, port, whole
from rehearsal.console import RehearsalConsole
from rehearsal.errors import RehearsalError
from rehearsal.fleet.findings import Findings
from rehearsal.fleet.fleet import FleetRehearsal
from rehearsal.fleet.host import Host, hurried
from rehearsal.fleet.real import SAID
from rehearsal.fleet.run import Size, real_of
from rehearsal.interruption import interrupted_once

WORK = Path(__file__).resolve().parents[2] / ".rehearsal" / "fleet"
FEW, MORE = 10, 2
"""A look reads the latest messages of at most 50 cameras of the fleet, which is one more call."""
FALSE_ALARMS = 0.05
"""Good models that may be rolled back: five times the average by the bake's setting."""
GENERATED = (
    "Cameras are generated: lens and model are replaced by a generator of messages and faults. "
    "Certificates, MQTT, IoT policies, the queue on disk and the item numbers are real."
)


def main() -> int:
    """Rehearse; return 1 if a bound is broken or the rehearsal cannot continue."""
    arguments = _parse()
    console = RehearsalConsole(highlight=False, width=None if sys.stdout.isatty() else 120)
    interrupted_once()
    only_local(os.environ)
    seed = random.SystemRandom().randrange(10**6) if arguments.seed is None else arguments.seed
    console.print(f"Seed {seed}. {GENERATED}", soft_wrap=True)
    if arguments.bad_models:
        return _bad_models(arguments, console, seed)
    real = real_of(arguments.cameras) if arguments.real is None else arguments.real
    if real:
        console.print(SAID.format(real=real), soft_wrap=True)
    hurried(arguments.environment, arguments.work)
    rehearsal = FleetRehearsal(
        host=Host(
            name=arguments.environment,
            settings=load(arguments.environment),
            work=arguments.work,
            port=arguments.port,
            keep=arguments.keep,
        ),
        size=Size(
            cameras=arguments.cameras,
            hours=arguments.hours,
            ticks=arguments.ticks,
            seed=seed,
            real=real,
            faults=not arguments.no_faults,
            models=not arguments.no_models,
        ),
        console=console,
        model=arguments.model,
    )
    try:
        rehearsal.run()
    except (RehearsalError, LocalAwsError, SettingsError) as error:
        console.print(f"fleet-rehearsal: {error}", style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("fleet-rehearsal: interrupted; everything that was started has been stopped")
        return 0 if console.reader_gone else 130
    broken = rehearsal.findings.broken
    console.print(f"{len(broken)} bounds broken. Report: {arguments.work / 'fleet.json'}")
    return 1 if broken else 0


def _bad_models(arguments: argparse.Namespace, console: Console, seed: int) -> int:
    """Roll models of each kind out in simulated time; 1 where a bad one reaches the fleet."""
    # Only here: a rehearsal against the local AWS needs none of it.
    from rehearsal.fleet.bad_models import (  # noqa: PLC0415
        calls_and_events,
        most_checks,
        outcomes,
        reached,
        summary,
    )
    from rehearsal.fleet.camera_in_memory import GOOD  # noqa: PLC0415

    findings = Findings(console)
    for kind, found in outcomes(load(arguments.environment), arguments.seeds, seed):
        number = reached(found)
        # The tests of a bake may be wrong once in a hundred rollouts, by their setting.
        good = kind == GOOD
        least = arguments.seeds * (1 - FALSE_ALARMS)
        findings.add(
            f"a model that is {kind}" if good else f"a model: {kind}",
            f"{number} of {len(found)} seeds reached the fleet; {summary(found)}",
            bound=f"at least {least:.0f}" if good else "0",
            kept=number >= least if good else number == 0,
        )
    few, many = (
        calls_and_events(load(arguments.environment), seed, cameras)
        for cameras in (FEW, arguments.cameras)
    )
    for name, first, second in zip(
        ("calls", "polls of each look at a group"), few, many, strict=False
    ):
        findings.add(
            f"{name} of a rollout to {FEW} and to {arguments.cameras} cameras",
            f"{first} and {second}",
            bound=f"not more than {MORE:g} times as many",
            kept=second <= MORE * first,
        )
    # A check is three states. Whether cameras sleep does not depend on how many there are.
    more = 3 * most_checks(load(arguments.environment))
    findings.add(
        "states entered in the same rollouts",
        f"{few[2]} and {many[2]}",
        bound=f"at most {more} more, the checks of a group in which cameras sleep",
        kept=many[2] <= few[2] + more,
    )
    return 1 if findings.broken else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rehearsal.fleet", description=__doc__)
    parser.add_argument("--work", type=Path, default=WORK, help="folder for everything it writes")
    parser.add_argument("--environment", default="dev", help="a file in environments/")
    parser.add_argument("--cameras", type=whole(1, "CAMERAS"), default=200, help="how many")
    parser.add_argument(
        "--real",
        type=whole(0, "REAL"),
        help="how many more run the real program; empty: 10 beside 50 or more",
    )
    parser.add_argument("--model", type=Path, help="model.tar.gz for them; empty: trains one")
    parser.add_argument(
        "--seed", type=whole(0, "SEED"), help="what is drawn follows from it; empty: any"
    )
    parser.add_argument("--hours", type=hours, default=24, help="simulated hours")
    parser.add_argument("--ticks", type=int, default=12, help="parts that the hours are played in")
    parser.add_argument(
        "--bad-models",
        action="store_true",
        help="only roll models out in simulated time, in memory: which reach the fleet",
    )
    parser.add_argument(
        "--seeds", type=whole(1, "SEEDS"), default=100, help="rollouts of each kind of model"
    )
    parser.add_argument("--no-faults", action="store_true", help="play no faults")
    parser.add_argument("--no-models", action="store_true", help="roll nothing out")
    parser.add_argument("--port", type=port, default=4566, help="where the local AWS listens")
    parser.add_argument("--keep", action="store_true", help="leave the local AWS up")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_command(main))
