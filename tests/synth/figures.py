# SPDX-License-Identifier: Apache-2.0
"""Prints what a security review asks for: ``python -m tests.synth.figures``.

Findings of each rule pack per resource with every acknowledgement stripped, and each IAM statement
on ``Resource: *`` with the reason for it.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.synth.assembly_cache import synth_environment
from tests.synth.conftest import ENVIRONMENTS, ROOT, Assemblies
from tests.synth.test_compliance import MAXIMUM_PER_RESOURCE


def star_statements(assemblies: Assemblies, environment: str) -> Iterator[tuple[str, list[str]]]:
    """Each identity policy statement whose resource is ``*``: where it is, what it allows."""
    for name, properties in assemblies.of_type(environment, "AWS::IAM::ManagedPolicy").items():
        for statement in properties["PolicyDocument"]["Statement"]:
            resources = statement["Resource"]
            if "*" in (resources if isinstance(resources, list) else [resources]):
                actions = statement["Action"]
                yield name, actions if isinstance(actions, list) else [actions]


def main() -> int:
    """Synthesise all environments and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.synth.synthesise", folder]
        subprocess.run(command, cwd=ROOT, env=synth_environment(), check=True)
        assemblies = Assemblies(Path(folder))
        for environment in ENVIRONMENTS:
            _print(assemblies, environment)
    return 0


def _print(assemblies: Assemblies, environment: str) -> None:
    resources = len(assemblies.resources(environment))
    report = assemblies.findings(environment)
    print(f"{environment}: {resources} resources")
    for pack, maximum in MAXIMUM_PER_RESOURCE.items():
        count = sum(1 for finding in report["found"] if finding["pack"] == pack)
        print(
            f"  {pack}: {count} findings without acknowledgements, {count / resources:.2f} per "
            f"resource (target below {maximum})"
        )
    statements = list(star_statements(assemblies, environment))
    reasons = sorted(
        f"{note['path']}: {note['reason']}"
        for note in report["acknowledged"]
        if note["id"].endswith("[Resource::*]")
    )
    print(f"  statements on Resource *: {len(statements)}")
    for name, actions in statements:
        print(f"    {name}: {', '.join(actions)}")
    for reason in reasons:
        print(f"    why: {reason}")


if __name__ == "__main__":
    sys.exit(main())
