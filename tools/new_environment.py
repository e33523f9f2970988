# SPDX-License-Identifier: Apache-2.0
"""Make a new environment: write its commented file, check it, and print the commands to deploy it.

``make new-environment NAME=west ACCOUNT=444444444444 REGION=us-west-2`` writes
``environments/west.toml`` and prints the exact commands for that account. Nothing is overwritten,
and nothing is done in AWS.
"""

import argparse
import re
import string
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from contracts.command_line import run_command
from infra.checks.environments import collisions
from infra.config import settings
from infra.config.errors import explain
from infra.config.settings import Settings, SettingsError
from infra.config.settings_limits import over_limits
from tools.environments import read
from tools.first_deployment import commands

TEMPLATE = Path(__file__).resolve().parent / "templates" / "environment.toml"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,14}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file and print the commands; return 2 if the arguments are invalid."""
    parser = argparse.ArgumentParser(prog="make new-environment", description=__doc__)
    parser.add_argument("--name", required=True, help="NAME=: the file's name and the ENV=")
    parser.add_argument("--account", required=True, help="ACCOUNT=: 12 digits")
    parser.add_argument("--region", required=True, help="REGION=: such as eu-west-1")
    parser.add_argument("--prefix", default="", help="PREFIX=: binsight-NAME unless given")
    parser.add_argument("--removal", default="", help="REMOVAL=: retain (default) or destroy")
    parser.add_argument("--approval", default="", help="APPROVAL=: manual (default) or automatic")
    parser.add_argument("--email", default="", help="EMAIL=: the address that receives alerts")
    parser.add_argument("--boundary", default="", help="BOUNDARY=: a permissions boundary's name")
    options = parser.parse_args(arguments)
    try:
        path, environment = create(
            name=options.name,
            account=options.account,
            region=options.region,
            prefix=options.prefix or f"binsight-{options.name}",
            removal=options.removal or "retain",
            approval=options.approval or "manual",
            boundary=options.boundary,
            email=options.email,
        )
    except SettingsError as error:
        for line in str(error).splitlines():
            print(f"new-environment: {line}", file=sys.stderr)
        return 2
    print(f"wrote {path}: read it and change what differs. Then:\n")
    others, _ = read()
    print(commands(options.name, environment, others))
    return 0


def create(  # noqa: PLR0913 - the questions of the command
    *,
    name: str,
    account: str,
    region: str,
    prefix: str,
    removal: str,
    approval: str,
    boundary: str,
    email: str,
) -> tuple[Path, Settings]:
    """Write the environment's file. SettingsError, and no file, where something is wrong."""
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"NAME={name!r}: allowed: 1 to 15 of a-z, 0-9 and -, beginning with a letter"
        )
    path = settings.folder() / f"{name}.toml"
    if path.exists():
        raise SettingsError(f"{path} exists; choose another NAME, or edit that file")
    text = string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=name,
        account=account,
        region=region,
        prefix=prefix,
        removal=removal,
        approval=approval,
        email=f'alert_email = "{email}"' if email else '# alert_email = "ops@example.com"',
        boundary=(
            f'permissions_boundary = "{boundary}"' if boundary else '# permissions_boundary = "..."'
        ),
    )
    environment = _checked(text, path)
    if environment.keeps_data and not email:
        raise SettingsError(
            f"EMAIL='': allowed: the address that receives alerts, because REMOVAL={removal}"
        )
    others, _ = read()  # errors in other files do not matter here
    clashes = [line for line in collisions({**others, name: environment}) if str(path) in line]
    if clashes:
        raise SettingsError("\n".join(clashes))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path, environment


def _checked(text: str, path: Path) -> Settings:
    try:
        environment = Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: an argument has a quote or a line break: {error}") from error
    except ValidationError as error:
        raise SettingsError("\n".join(explain(error, path, Settings))) from error
    if faults := list(over_limits(environment)):
        raise SettingsError("\n".join(f"{path}: {fault}" for fault in faults))
    return environment


if __name__ == "__main__":
    sys.exit(run_command(main))
