# SPDX-License-Identifier: Apache-2.0
"""The one build that a release deploys everywhere: all environments, synthesised once.

    python -m tools.assembly build FOLDER        # FOLDER/<environment>/, prints outputs for CI
    python -m tools.assembly check FOLDER DIGEST # check that it is still exactly that build
    python -m tools.assembly where FOLDER NAME   # prints account= and region= of an environment

The deployment workflow builds in its first job and promotes the folder from environment to
environment. ``cdk deploy --app FOLDER/<environment>`` synthesises nothing again.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from contracts.command_line import run_command
from infra.assets import bundling
from infra.checks.environments import require_distinct
from infra.config import settings

ROOT = Path(__file__).resolve().parent.parent
CDK_MANIFEST = "manifest.json"


class AssemblyError(Exception):
    """The folder is not the expected build; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command in the first argument; 1 if it fails."""
    parser = argparse.ArgumentParser(prog="python -m tools.assembly", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, more in {"build": (), "check": ("digest",), "where": ("environment",)}.items():
        command = commands.add_parser(name)
        command.add_argument("folder", type=Path)
        for argument in more:
            command.add_argument(argument)
    options = parser.parse_args(arguments)
    try:
        if options.command == "build":
            build(options.folder)
            print(f"digest={digest(options.folder)}")
            print(f"environments={json.dumps(promotion())}")
        elif options.command == "check":
            check(options.folder, options.digest)
        else:
            account, region = where(options.folder, options.environment)
            print(f"account={account}\nregion={region}")
    except (AssemblyError, settings.SettingsError, bundling.NotBundledError) as error:
        print(f"assembly: {error}", file=sys.stderr)
        return 1
    return 0


def build(folder: Path) -> None:
    """Synthesise every environment into a folder of its own, in one process."""
    if folder.exists() and any(folder.iterdir()):
        raise AssemblyError(f"{folder} is not empty; name a new folder")
    # Starting jsii takes seconds, and check and where do not need it.
    import aws_cdk as cdk  # noqa: PLC0415

    import app as binsight  # noqa: PLC0415

    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    names = settings.names()
    for name in names:
        require_distinct(name)
    for name in names:
        one = cdk.App(outdir=str(folder / name), context=context, analytics_reporting=False)
        binsight.build(one, name)
        one.synth()


def promotion() -> list[dict[str, str | bool]]:
    """The environments in the order they are deployed, and whether a person approves each.

    Environments with automatic approval come first, those that retain their data last. A deployment
    needs an approval if models are approved manually or data is retained.
    """
    everything = {name: settings.load(name) for name in settings.names()}

    def order(name: str) -> tuple[bool, bool, str]:
        one = everything[name]
        return (one.removal == "retain", one.training.approval == "manual", name)

    return [
        {"environment": name, "approval": any(order(name)[:2])}
        for name in sorted(everything, key=order)
    ]


def digest(folder: Path) -> str:
    """A digest of everything in the folder: names and contents."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def check(folder: Path, expected: str) -> None:
    """AssemblyError unless the folder is byte for byte the one that was built."""
    found = digest(folder)
    if found != expected:
        raise AssemblyError(
            f"{folder} has digest {found}, the build had {expected or 'none'}: do not deploy it; "
            "run the whole workflow again"
        )


def where(folder: Path, environment: str) -> tuple[str, str]:
    """Account and region that an environment's stacks were synthesised for."""
    manifest = folder / environment / CDK_MANIFEST
    if not manifest.is_file():
        there = ", ".join(sorted(path.parent.name for path in folder.glob(f"*/{CDK_MANIFEST}")))
        raise AssemblyError(f"environment {environment!r}: not in {folder}; there: {there or '-'}")
    artifacts = json.loads(manifest.read_text(encoding="utf-8"))["artifacts"].values()
    places = {
        str(one["environment"]).removeprefix("aws://")
        for one in artifacts
        if one["type"] == "aws:cloudformation:stack"
    }
    if len(places) != 1:
        raise AssemblyError(f"{manifest}: stacks for {', '.join(sorted(places)) or 'nowhere'}")
    account, region = places.pop().split("/")
    return account, region


if __name__ == "__main__":
    sys.exit(run_command(main))
