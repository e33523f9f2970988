# SPDX-License-Identifier: Apache-2.0
"""`make rehearse PROMOTE=1`: two other accounts take the model that the environment trained.

One takes it when the approval's event arrives, and a person approves it there; the other takes it
by `make promote` and approves it automatically. In both the model is rolled out to cameras that
sort photos. A fourth account is refused.
"""

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.config.exchange import bus_arn, promotion_role, reader_role, role_arn
from infra.config.settings import Settings, load
from ministack_edge.clients import Credentials
from ministack_edge.process import LocalAws
from rehearsal.account import Account
from rehearsal.account_stages import (
    destroy,
    operator_of,
    roll_out,
    sort_photos,
    start_cameras,
)
from rehearsal.aws_client import Cloud
from rehearsal.cameras import Cameras
from rehearsal.errors import RehearsalError
from rehearsal.people import settle
from rehearsal.permissions.coverage import Refusal
from rehearsal.progress import Stages
from rehearsal.report import Promoted, is_right
from rehearsal.taking import HEARS, IS_TOLD

FOURTH = "888888888888"
_EVENT_SECONDS = 60.0


def is_expected(refusal: Refusal) -> bool:
    """Whether a call of a rehearsal with promotion should be refused.

    A fourth account's, and the approval's event to an environment that is not deployed yet.
    """
    told = load(IS_TOLD)
    early = refusal.action == "events:PutEvents" and refusal.resource == bus_arn(told)
    return early or f"::{FOURTH}:" in refusal.principal


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """Copies the model of ``source`` into the other accounts; ``close`` empties them."""

    aws: LocalAws
    source: str
    settings: Settings
    work: Path
    stages: Stages
    cleanup: ExitStack

    def deploy(self, name: str) -> "Taker":
        """Deploy one of the environments that take models."""
        settings = load(name)
        work = self.work / name
        work.mkdir(parents=True, exist_ok=True)
        account = Account.settled(
            aws=self.aws, name=name, settings=settings, work=work, stages=self.stages
        )
        where = f"account {settings.account}, {settings.region}: takes models of {self.source}"
        with self.stages.stage(f"deploy {name}", where):
            cdk = account.cdk(account.people.deployer)
            cdk.synth()
            account.bootstrap()
            self.stages.news(f"{cdk.deploy()} stacks deployed")
        outputs = account.cloud(account.people.operator).outputs()
        return Taker(account=account, outputs=outputs, cleanup=self.cleanup)

    def refuse_fourth(self) -> None:
        """Raise RehearsalError if an account that is not named may read the models."""
        with self.stages.stage(
            "fourth account", "an account that is not named may not read the models"
        ):
            people = settle(
                endpoint=self.aws.endpoint,
                account=FOURTH,
                region=self.settings.region,
                prefix="binsight-fourth",
            )
            # What the role of an account that was named is called, in an account that was not.
            name = promotion_role(load(HEARS))
            as_role = self._fourth(people.administrator, name)
            reader = role_arn(self.settings, reader_role(self.settings))
            try:
                as_role.in_role(reader, "fourth")
            except ClientError as error:
                self.stages.news(f"refused: {error.response['Error']['Message']}")
                return
            raise RehearsalError(
                f"account {FOURTH}, which no environment names, may assume {reader}"
            )

    def _fourth(self, administrator: Credentials, name: str) -> Cloud:
        """The fourth account, with a role that may assume every role."""
        cloud = Cloud(
            endpoint=self.aws.endpoint,
            account=FOURTH,
            region=self.settings.region,
            prefix="binsight-fourth",
            person=administrator,
        )
        iam = cloud.client("iam")
        trust: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole"}
        trust["Principal"] = {"AWS": f"arn:aws:iam::{FOURTH}:root"}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))["Role"]
        every = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="every", PolicyDocument=_document(every))
        return cloud.in_role(role["Arn"], "fourth")


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@dataclass(kw_only=True)
class Taker:
    """A deployed environment that takes models."""

    account: Account
    outputs: dict[str, str]
    cleanup: ExitStack
    cameras: Cameras | None = None

    def hear(self) -> None:
        """Wait for the model that the other environment's approval brings."""
        with self.account.stages.stage("promotion by event", f"the approval reaches {self.name}"):
            deadline = time.monotonic() + _EVENT_SECONDS
            while not self._packages():
                if time.monotonic() > deadline:
                    raise RehearsalError(
                        f"no model reached {self.name} within {_EVENT_SECONDS:.0f} s"
                    )
                time.sleep(0.2)
            self.account.stages.news(f"{self._packages()[0]} waits for approval")

    def ask(self) -> None:
        """Fetch the model as `make promote` does."""
        source = self.account.settings.training.source or ""
        with self.account.stages.stage("promotion by command", f"make promote TO={self.name}"):
            given = ("--source", source, "--target", self.name)
            for line in operator_of(self.account).run("tools.promote", *given, named=False):
                self.account.stages.news(line)

    def use(self, photos: Sequence[tuple[Path, str]], digest: str, way: str) -> Promoted:
        """Roll the model out to cameras of this account and let one sort photos."""
        account = self.account
        self.cameras = start_cameras(account, self.outputs, self.cleanup)
        model = roll_out(account, self.outputs, self.cameras)
        if model["digest"] != digest:
            raise RehearsalError(
                f"{self.name} runs archive {model['digest']}, the source approved {digest}"
            )
        _, rows = sort_photos(account, self.outputs, self.cameras, photos)
        self.cameras.stop()
        bins = account.settings.bins.policy()
        right = sum(is_right(row, bins) for row in rows)
        account.stages.news(f"{right} of {len(rows)} items sorted right in {self.name}")
        return Promoted(
            environment=self.name,
            account=account.settings.account,
            region=account.settings.region,
            way=way,
            digest=digest,
            sorted_right=right,
            sorted=len(rows),
        )

    def close(self) -> None:
        """Take the cameras out of service and delete the stacks."""
        if self.cameras is not None:
            destroyed, kept = destroy(self.account, self.cameras)
            self.account.stages.news(
                f"{self.name}: {len(destroyed)} resources deleted, {len(kept)} kept on purpose"
            )

    @property
    def name(self) -> str:
        """The environment's name."""
        return self.account.name

    def _packages(self) -> list[str]:
        sagemaker = self.account.cloud(self.account.people.operator).client("sagemaker")
        pages = sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self.outputs["ModelPackageGroup"]
        )
        return [
            one["ModelPackageArn"].rsplit(":", 1)[-1]
            for page in pages
            for one in page["ModelPackageSummaryList"]
        ]
