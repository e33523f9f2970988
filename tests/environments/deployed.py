# SPDX-License-Identifier: Apache-2.0
"""Copies of an environment, deployed to one local AWS with the unpatched CDK command line."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ministack_edge.clients import Credentials
from ministack_edge.process import LocalAws
from rehearsal.aws_client import Cloud
from rehearsal.cdk import Cdk
from rehearsal.people import People, settle
from tests.environments.copies import Copy
from tests.environments.inventory import Inventory, inventory

AT_ONCE = 2
"""Command lines that run at a time."""

Result = TypeVar("Result")


class DriftingCdk(Cdk):
    """The command line with ``cdk drift``, which a rehearsal does not need."""

    def drift(self) -> str:
        """Compare what is there with the templates; RehearsalError where they differ."""
        return self._run("drift", "--fail", "--app", str(self.assembly))


@dataclass
class Deployed:
    """All copies on one server, with what was in each place before."""

    aws: LocalAws
    copies: Sequence[Copy]
    assemblies: Path
    logs: Path
    seconds: dict[str, float] = field(default_factory=dict)
    before: dict[tuple[str, str], Inventory] = field(default_factory=dict)
    people: dict[str, People] = field(default_factory=dict)
    """Who is in each account; nobody but the root user where the server decides nothing."""

    @property
    def places(self) -> list[tuple[str, str]]:
        """Every account and region in use, once."""
        return sorted({copy.place for copy in self.copies})

    def cdk(self, copy: Copy, person: Credentials | None = None) -> DriftingCdk:
        """The command line for one copy, in the hands of the account's deployer or another."""
        people = self.people.get(copy.account)
        environment = self.aws.client_environment(
            account=copy.account,
            region=copy.region,
            person=person or (people.deployer if people else None),
        )
        return DriftingCdk(
            name=copy.name,
            # Two command lines at a time must not write one cache of accounts.
            environment={**environment, "CDK_HOME": str(self.logs / f"{copy.name}-home")},
            assembly=self.assemblies / copy.name,
            log=self.logs / f"{copy.name}.log",
            progress=lambda _: None,
        )

    def cloud(self, copy: Copy) -> Cloud:
        """boto3 in the account and region of one copy, as the administrator sees it."""
        people = self.people.get(copy.account)
        return Cloud(
            endpoint=self.aws.endpoint,
            account=copy.account,
            region=copy.region,
            prefix=copy.prefix,
            person=people.administrator if people else None,
        )

    def inventories(self) -> dict[tuple[str, str], Inventory]:
        """Everything in each place."""
        return {copy.place: inventory(self.cloud(copy)) for copy in self.one_per_place()}

    def one_per_place(self) -> list[Copy]:
        """A copy for each account and region."""
        return list({copy.place: copy for copy in reversed(self.copies)}.values())

    def bootstrap(self) -> None:
        """Prepare each place for the CDK, and note what is in it."""
        for copy in self.copies if self.aws.enforce else ():
            if copy.account not in self.people:
                self.people[copy.account] = settle(
                    endpoint=self.aws.endpoint,
                    account=copy.account,
                    region=copy.region,
                    prefix=copy.prefix,
                )
        self.each("bootstrap", self._bootstrap, self.one_per_place())
        self.before = self.inventories()

    def _bootstrap(self, copy: Copy) -> None:
        people = self.people.get(copy.account)
        policies = people.execution_policies if people else ()
        self.cdk(copy, people.administrator if people else None).bootstrap(
            copy.account, copy.region, *policies
        )

    def deploy(self) -> Mapping[str, int]:
        """Deploy all copies; how many stacks of each changed."""
        return self.each("deploy", lambda copy: self.cdk(copy).deploy())

    def drift(self, copy: Copy) -> str:
        """``cdk drift`` of a copy by its administrator: it reads with the person's own rights."""
        people = self.people.get(copy.account)
        return self.cdk(copy, people.administrator if people else None).drift()

    def destroy(self) -> None:
        """Destroy all copies."""
        self.each("destroy", lambda copy: self.cdk(copy).destroy())

    def each(
        self,
        what: str,
        action: Callable[[Copy], Result],
        copies: Sequence[Copy] | None = None,
    ) -> dict[str, Result]:
        """Do something for each copy, some at a time, and note how long it took together."""
        chosen = self.copies if copies is None else copies
        started = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = list(pool.map(action, chosen))
        self.seconds[what] = self.seconds.get(what, 0) + time.monotonic() - started
        return {copy.name: result for copy, result in zip(chosen, results, strict=True)}
