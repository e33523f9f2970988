# SPDX-License-Identifier: Apache-2.0
"""The account of a rehearsal: its people, and the deployment of the stacks."""

from dataclasses import dataclass
from pathlib import Path

from contracts.silence import SILENT
from infra.config.settings import Settings
from ministack_edge.clients import Credentials
from ministack_edge.process import LocalAws
from rehearsal.aws_client import Cloud
from rehearsal.cdk import Cdk
from rehearsal.errors import RehearsalError
from rehearsal.people import People, settle
from rehearsal.progress import Stages
from rehearsal.report import Report


@dataclass(frozen=True, kw_only=True)
class Account:
    """An account of a running local AWS, with its people; ``settled`` makes one.

    ``name`` is the environment's, ``work`` the rehearsal's folder.
    """

    aws: LocalAws
    name: str
    settings: Settings
    work: Path
    stages: Stages
    people: People

    @classmethod
    def settled(
        cls, *, aws: LocalAws, name: str, settings: Settings, work: Path, stages: Stages
    ) -> "Account":
        """The root user makes an administrator, who makes the others."""
        with stages.stage("people", "create an administrator, a deployer, an operator; leave root"):
            people = settle(
                endpoint=aws.endpoint,
                account=settings.account,
                region=settings.region,
                prefix=settings.prefix,
            )
        return cls(aws=aws, name=name, settings=settings, work=work, stages=stages, people=people)

    def environment(self, person: Credentials) -> dict[str, str]:
        """The process environment with a person's credentials for this account."""
        environment = self.aws.client_environment(
            account=self.settings.account, region=self.settings.region, person=person
        )
        return {**environment, **SILENT}

    def cloud(self, person: Credentials) -> Cloud:
        """A client of this account for a person."""
        return Cloud(
            endpoint=self.aws.endpoint,
            account=self.settings.account,
            region=self.settings.region,
            prefix=self.settings.prefix,
            person=person,
        )

    def cdk(self, person: Credentials) -> Cdk:
        """The CDK command line with a person's credentials."""
        return Cdk(
            name=self.name,
            environment=self.environment(person),
            assembly=self.work / "assembly",
            log=self.work / "cdk.log",
            progress=self.stages.progress,
        )

    def bootstrap(self) -> None:
        """Prepare the account for the CDK, as the administrator."""
        self.cdk(self.people.administrator).bootstrap(
            self.settings.account, self.settings.region, *self.people.execution_policies
        )

    def deploy(self, report: Report) -> None:
        """Bootstrap, deploy, and deploy again, which may change nothing."""
        cdk = self.cdk(self.people.deployer)
        # The bootstrap needs no template, so one processor synthesises meanwhile.
        with cdk.synthesising() as synthesised:
            with self.stages.stage("bootstrap", "prepare the account for the CDK"):
                self.bootstrap()
            with self.stages.stage(
                "synth", "build the assets, write the templates, check the rules"
            ):
                synthesised()
        with self.stages.stage("deploy", "four stacks with `cdk deploy --all`"):
            self.stages.news(f"{cdk.deploy()} stacks deployed")
        with self.stages.stage("deploy again", "check that nothing changes"):
            report.redeploy_changes = cdk.deploy()
            if report.redeploy_changes:
                raise RehearsalError(
                    f"{report.redeploy_changes} stack(s) changed although the templates had not; "
                    f"see {cdk.log}"
                )
            self.stages.news("no changes")
