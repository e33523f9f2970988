# SPDX-License-Identifier: Apache-2.0
"""Take an approved model of one environment into another one.

    make promote FROM=staging TO=prod               # the newest approved model of staging
    make promote FROM=staging TO=prod MODEL=3       # its version 3
    make promote FROM=staging TO=prod DRY=1         # say what would be done

Needs credentials of TO's account, where a function does the work with its own role. An approval in
FROM calls the same function.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from contracts.command_line import run_command
from infra.config.errors import SettingsError
from infra.config.exchange import promotion_function
from infra.config.settings import Settings, load
from tools.account import AccountError, session_for

PATIENT = Config(read_timeout=330, retries={"max_attempts": 0})
"""The function may take five minutes, and a second call would start a second copy."""


class PromoteError(Exception):
    """Nothing was promoted; the message gives the reason."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Promote, and print what was done; 1 if it failed."""
    parser = argparse.ArgumentParser(prog="make promote", description=__doc__.partition("\n")[0])
    parser.add_argument("--source", required=True, help="FROM=: the environment that trained it")
    parser.add_argument("--target", required=True, help="TO=: the environment that takes it")
    parser.add_argument("--model", default="", help="MODEL=: a version; the newest approved one")
    parser.add_argument("--dry-run", action="store_true", help="DRY=1: only say what would be done")
    given = parser.parse_args(arguments)
    try:
        settings = load(given.target)
        require_source(given.source, given.target, settings)
        version = version_of(given.model)
        session = session_for(settings)
        promote(session, settings, version=version, dry_run=given.dry_run, say=_say)
    except (SettingsError, AccountError, PromoteError, BotoCoreError, ClientError) as error:
        print(f"promote: {error}", file=sys.stderr)
        return 1
    return 0


def require_source(source: str, target: str, settings: Settings) -> None:
    """PromoteError unless the target's file says that it takes the source's models."""
    taken = settings.training.source
    if taken is None:
        raise PromoteError(
            f"TO={target!r}: it trains its own models; allowed: an environment whose file has "
            f"[training] from = {source!r}"
        )
    if taken != source:
        raise PromoteError(
            f"FROM={source!r}: allowed: {taken!r}, from which {target} takes its models"
        )


def version_of(model: str) -> int:
    """A version as a number; 0 for the newest. PromoteError for anything else."""
    if not model:
        return 0
    if not model.isascii() or not model.isdigit() or int(model) == 0:
        raise PromoteError(f"MODEL={model!r}: allowed: the number of a model version, such as 3")
    return int(model)


def promote(
    session: boto3.Session,
    settings: Settings,
    *,
    version: int,
    dry_run: bool,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Call the target's function; its answer (lambda/promotion). PromoteError where it failed."""
    function = promotion_function(settings)
    source = settings.training.source
    asked = f"version {version}" if version else "the newest approved model"
    say(f"{settings.prefix}: asking {source} for {asked}")
    client = session.client("lambda", config=PATIENT)
    plan = call(client, function, {"version": version, "dry_run": True})
    say(f"version {plan['version']} of {source}, archive {plan['digest'][:12]}")
    if plan["package"]:
        say(f"it is already registered: {plan['package']}, {plan['approval']}; nothing to do")
        return plan
    for name in plan["files"]:
        say(f"  {'would copy' if dry_run else 'copying'} {name} to {plan['folder']}")
    if dry_run:
        say(f"would register it as {plan['approval']}; nothing was changed")
        return plan
    done = call(client, function, {"version": plan["version"], "dry_run": False})
    for name in done["not_copied"]:
        say(f"  {name} was not copied: {source} no longer has it")
    say(f"registered {done['package']} as {done['approval']}")
    if done["approval"] == "PendingManualApproval":
        say("It is rolled out once you approve it (docs/how-to/approve-a-model.md).")
    return done


def call(client: Any, function: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """The function's answer. PromoteError with the function's message if it failed."""
    try:
        answer = client.invoke(FunctionName=function, Payload=json.dumps(request).encode())
    except client.exceptions.ResourceNotFoundException as error:
        raise PromoteError(f"there is no function {function}; deploy the environment") from error
    found: dict[str, Any] = json.load(answer["Payload"])
    if answer.get("FunctionError"):
        message = str(found.get("errorMessage", found))
        if found.get("errorType") != "PromotionError":
            message = f"{found.get('errorType')}: {message} (log of {function})"
        raise PromoteError(message)
    return found


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(run_command(main))
