# SPDX-License-Identifier: Apache-2.0
"""Checks before a deployment by GitHub Actions. Standard library and ``gh`` only.

    python3 -m tools.promotion reviewers ENVIRONMENT       # is an approval required?
    python3 -m tools.promotion newer ENVIRONMENT COMMIT    # is nothing newer deployed already?

Exit status 1 and a reason where not. ``GH_REPO`` names the repository, ``GH_TOKEN`` may read it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from contracts.command_line import run_command

LOOKED_AT = 100
"""Number of deployments searched for the last successful one."""


class RefusedError(Exception):
    """Do not deploy; the message says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the check in the first argument; 1 if the deployment must not continue."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        match given:
            case ["reviewers", environment]:
                print(f"{environment}: {reviewers(environment)} must approve")
            case ["newer", environment, commit]:
                print(f"{environment}: {newer(environment, commit)}")
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except RefusedError as error:
        print(f"::error::{error}", file=sys.stderr)
        return 1
    return 0


def reviewers(environment: str) -> str:
    """Who must approve a deployment to a GitHub environment. RefusedError if no one must."""
    found = _get(f"environments/{quote(environment, safe='')}")
    names = [
        str(each["reviewer"].get("login") or each["reviewer"].get("slug"))
        for rule in found.get("protection_rules") or ()
        if rule.get("type") == "required_reviewers"
        for each in rule.get("reviewers") or ()
    ]
    if not names:
        raise RefusedError(
            f"The GitHub environment {environment} has no required reviewers, so this would be "
            "deployed without an approval. Set them in Settings, Environments. In a private "
            "repository they need GitHub Enterprise: the plans Free, Pro and Team have them in "
            "public repositories only. If you want no approval, write `approval: false` for "
            f"{environment} in deploy.yml."
        )
    return " or ".join(names)


def newer(environment: str, commit: str) -> str:
    """How the commit relates to the deployed one. RefusedError unless it is the same or newer."""
    deployed = _deployed(environment)
    if deployed is None:
        return "nothing was deployed before"
    if deployed == commit:
        return f"{commit[:12]} is deployed already and is deployed again"
    done = subprocess.run(
        ["git", "merge-base", "--is-ancestor", deployed, commit],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return f"{commit[:12]} is newer than {deployed[:12]}, which is deployed"
    raise RefusedError(
        f"{environment} has {deployed[:12]}, and {commit[:12]} does not contain it: deploying it "
        "would undo what is newer. Deploy a newer commit; to go back, revert on main and deploy "
        "that."
    )


def _deployed(environment: str) -> str | None:
    """The commit of the last deployment to an environment that succeeded."""
    path = f"deployments?environment={quote(environment, safe='')}&per_page={LOOKED_AT}"
    found = _get(path)
    for deployment in sorted(found, key=lambda one: int(one["id"]), reverse=True):
        states = _get(f"deployments/{deployment['id']}/statuses?per_page={LOOKED_AT}")
        # A later deployment makes the state of an older one "inactive"; it had succeeded.
        if any(each.get("state") in {"success", "inactive"} for each in states):
            return str(deployment["sha"])
    if len(found) == LOOKED_AT:
        raise RefusedError(
            f"None of the last {LOOKED_AT} deployments to {environment} succeeded: the deployed "
            "commit is unknown. Deploy by hand once."
        )
    return None


def _get(path: str) -> Any:
    """GitHub's answer about this repository. RefusedError where there is none."""
    repository = os.environ.get("GH_REPO", "")
    done = subprocess.run(
        ["gh", "api", f"repos/{repository}/{path}"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        missing = " (there is none of that name: make it, or GitHub makes an unprotected one)"
        hint = missing if "404" in said and path.startswith("environments/") else ""
        raise RefusedError(f"GitHub does not answer for {path.partition('?')[0]}{hint}: {said}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(run_command(main))
