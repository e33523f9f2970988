# SPDX-License-Identifier: Apache-2.0
"""The prod environment on a local AWS, with failures on order and the tools beside it."""

import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.environments.copies import Copy
from tests.environments.deployed import Deployed
from tests.environments.inventory import LISTERS, added
from tests.synth.conftest import ROOT

STACKS = ("Data", "Training", "Edge", "Insights")


@dataclass
class Production(Deployed):
    """One copy, `prod`.

    ``execution`` and ``claim`` are ARNs of what a test started: a training and a certificate.
    """

    execution: str = ""
    claim: str = ""

    @property
    def copy(self) -> Copy:
        """The environment."""
        return self.copies[0]

    def template(self, stack: str) -> Mapping[str, Any]:
        """The template of one stack."""
        path = self.assemblies / self.copy.name / f"{stack}.template.json"
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def only(self, stack: str, kind: str) -> str:
        """The logical id of the last resource of a type."""
        resources = self.template(stack)["Resources"]
        return [name for name, one in resources.items() if one["Type"] == kind][-1]

    def name(self, stack: str) -> str:
        """What CloudFormation calls a stack."""
        return f"{self.copy.prefix}-{stack.lower()}"

    def order(self, kind: str, document: Mapping[str, Any]) -> None:
        """Order a failure of the local AWS."""
        place = f"account={self.copy.account}&region={self.copy.region}"
        request = urllib.request.Request(  # noqa: S310 - the local AWS
            f"{self.aws.endpoint}/_edge/{kind}?{place}",
            data=json.dumps(document).encode(),
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            assert reply.status == 200

    def stack(self, stack: str) -> Mapping[str, Any]:
        """A stack as CloudFormation describes it."""
        described = (
            self.cloud(self.copy)
            .client("cloudformation")
            .describe_stacks(StackName=self.name(stack))
        )
        return dict(described["Stacks"][0])

    def unprotect(self) -> None:
        """Lift the termination protection of the stacks that are there, as a person must."""
        cloudformation = self.cloud(self.copy).client("cloudformation")
        for page in cloudformation.get_paginator("describe_stacks").paginate():
            for stack in page["Stacks"]:
                if stack.get("EnableTerminationProtection"):
                    cloudformation.update_termination_protection(
                        StackName=stack["StackName"], EnableTerminationProtection=False
                    )

    def tool(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the tools as make does, against the local AWS."""
        copy = self.copy
        environment = self.aws.client_environment(
            account=copy.account,
            region=copy.region,
            person=self.people[copy.account].administrator,
        )
        files = str(self.assemblies.parent / "files")
        return subprocess.run(
            [sys.executable, "-m", f"tools.{module}", "--environment", copy.name, *arguments],
            cwd=ROOT,
            env={**environment, "BINSIGHT_ENVIRONMENTS": files, "HOME": os.environ["HOME"]},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def present(self) -> dict[str, list[str]]:
        """What is in the account that was not there before the first deployment."""
        return added(self.before[self.copy.place], self.inventories()[self.copy.place])

    def asked_for(self, *stacks: str) -> dict[str, int]:
        """How many resources of each type the templates of some stacks have."""
        kinds = Counter(
            str(one["Type"])
            for stack in stacks
            for one in self.template(stack)["Resources"].values()
        )
        return {kind: count for kind, count in kinds.items() if kind in LISTERS}
