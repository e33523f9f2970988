# SPDX-License-Identifier: Apache-2.0
"""Show the model rollouts of an environment; stop, resume or roll back.

make rollout ENV=prod                     # the running rollout, and the last ones
make rollout ENV=prod STOP=1 DRY=1        # print what a stop would do
make rollout ENV=prod STOP=1              # stop; cameras get their earlier model again
make rollout ENV=prod RESUME=1            # start a stopped rollout again
make rollout ENV=prod ROLLBACK=1          # back to the previous model (MODEL=number: to that one)
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.settings import Settings, load
from tools.account import AccountError, describe, outputs, session_for, stack_name
from tools.cameras import run
from tools.console import PipedConsole
from tools.rollout_cameras import cameras, latest_table
from tools.rollout_control import Control, RolloutError, Step
from tools.rollout_history import Progress, Rollout, progress, rollouts, taken_back, unfinished


def main() -> int:
    """Show rollouts, or carry out the command; return the exit status."""
    given = _parser().parse_args()
    try:
        settings = load(given.environment)
        session = session_for(settings)
        edge = outputs(describe(session, stack_name(settings, "Edge")))
        if "RolloutStateMachineArn" not in edge:
            raise RolloutError(
                f"{stack_name(settings, 'Edge')} is not deployed in {settings.region}: "
                "run make deploy"
            )
        machine, states = edge["RolloutStateMachineArn"], session.client("stepfunctions")
        steps = _asked(given, Control(states, machine), session, settings)
        if steps is None:
            show(session, settings, edge)
            return 0
        run(steps, dry=given.dry_run)
    except (SettingsError, AccountError, RolloutError) as error:
        print(f"rollout: {error}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"rollout: {error}; run it again to continue from here", file=sys.stderr)
        return 1
    if not given.dry_run and not given.stop:
        print(f"started: make rollout ENV={given.environment} shows its progress")
    return 0


def show(session: boto3.Session, settings: Settings, edge: Mapping[str, str]) -> None:
    """The newest rollout in detail, and those before it as a table."""
    states = session.client("stepfunctions")
    known = rollouts(states, edge["RolloutStateMachineArn"])
    if not known:
        print("no rollout in the last 90 days; the approval of a model starts one")
        return
    begun = [one for one in known if one.action != "undo"]
    current = [one for one in begun if one.running] or begun[:1]
    for one in current:
        found = progress(states, one)
        for line in detail(one, found, settings, known):
            print(line)
        for name, words in _cameras(session, settings, edge, found).items():
            print(f"  {name}: {words}")
    table = Table("started (UTC)", "what", "model", "state", "ended")
    for one in known:
        table.add_row(
            _time(one.started), _WHAT[one.action], one.model, outcome(one, known), _time(one.ended)
        )
    PipedConsole().print(table)


_WHAT = {"rollout": "rollout", "rollback": "rollback", "undo": "undo"}


def detail(
    one: Rollout, found: Progress, settings: Settings, known: list[Rollout]
) -> Iterator[str]:
    """A rollout in words: what it is, how far it is, and the state of its canaries."""
    version = f" (component {found.version})" if found.version else ""
    state = found.stage if one.running else outcome(one, known)
    yield f"{_WHAT[one.action]} of model {one.model}{version}: {state}"
    if one.status != "FAILED" and unfinished(one, known) and found.groups:
        yield "  its deployments have not been undone; STOP=1 undoes them"
    if found.looks:
        yield (
            f"  bake of {settings.rollout.bake_minutes} min: looks: {len(found.looks)}, the last: "
            f"{found.looks[-1]}"
        )


def outcome(one: Rollout, known: list[Rollout]) -> str:
    """How an execution ended, in words."""
    if one.running:
        return "running"
    if one.status == "SUCCEEDED":
        return "undone" if one.action == "undo" else "reached the fleet"
    if one.status == "ABORTED":
        return "stopped and undone" if taken_back(one, known) else "stopped"
    return f"{one.status.lower().replace('_', ' ')}: {one.cause}" if one.cause else one.status


def _cameras(
    session: boto3.Session, settings: Settings, edge: Mapping[str, str], found: Progress
) -> dict[str, str]:
    groups = {"canary": edge["CanaryThingGroup"], "fleet": edge["FleetThingGroup"]}
    said = {name: "not yet" for name in groups if name not in found.groups}
    said |= {name: given.said or "just begun" for name, given in found.groups.items()}
    table = latest_table(outputs(describe(session, stack_name(settings, "Insights"))))
    if table and found.groups:
        asked = {name: (groups[name], given.deployment_id) for name, given in found.groups.items()}
        counted = cameras(
            session, table=table, groups=asked, interval=settings.camera.telemetry_seconds
        )
        said |= {
            name: f"{one.words()} (before: {found.groups[name].before or 'no model'})"
            for name, one in counted.items()
        }
    return {name: said[name] for name in groups}


def _asked(
    given: argparse.Namespace, control: Control, session: boto3.Session, settings: Settings
) -> Iterator[Step] | None:
    asked = [name for name in ("stop", "resume", "rollback") if getattr(given, name)]
    if len(asked) > 1:
        raise RolloutError(f"pass only one of {' and '.join(name.upper() for name in asked)}")
    if given.model and not given.rollback:
        raise RolloutError(f"MODEL={given.model}: only with ROLLBACK=1")
    if given.stop:
        return control.stop()
    if given.resume:
        return control.resume()
    if given.rollback:
        return control.roll_back(
            session.client("sagemaker"), f"{settings.prefix}-models", given.model
        )
    return None


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--environment", required=True, help="a file in environments/")
    parser.add_argument("--stop", action="store_true", help="stop the running rollout and undo it")
    parser.add_argument("--resume", action="store_true", help="start a stopped rollout again")
    parser.add_argument("--rollback", action="store_true", help="go back to an earlier model")
    parser.add_argument("--model", default="", help="number of the model to go back to")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
