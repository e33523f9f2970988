# SPDX-License-Identifier: Apache-2.0
"""The account that a fleet is rehearsed in: a new local AWS, or one that KEEP=1 left running."""

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from contracts.atomic_file import write_file
from infra.config.settings import Settings, folder
from ministack_edge.clients import Credentials
from ministack_edge.pid_file import PidFile
from ministack_edge.process import LocalAws, free_port
from rehearsal.account import Account
from rehearsal.people import People
from rehearsal.progress import Stages
from rehearsal.report import Report
from rehearsal.short_bake import with_rollout

BUFFER_SECONDS = 3.0
"""On AWS Firehose collects for minutes; so that nothing here waits for that, for seconds."""
ROLLOUT = {
    # A minute of real time, in which the fleet's clock goes on for hours.
    "bake_minutes": 1,
    "check_seconds": 100,
    "look_seconds": 300,
    "timeout_minutes": 3,
    "cameras_per_minute": 1000,
    "minimum_fps": 1,
    "maximum_latency_ms": 1000,
}
"""What the rehearsed environment has instead of its own rollout settings: waits last a hundredth,
but what is compared with a clock does not."""


def hurried(name: str, work: Path) -> None:
    """Let this process and those it starts find the environment with hurried rollouts."""
    text = (folder() / f"{name}.toml").read_text(encoding="utf-8")
    target = work / "environments" / f"{name}.toml"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_file(target, with_rollout(text, ROLLOUT))
    os.environ["BINSIGHT_ENVIRONMENTS"] = str(target.parent)


@dataclass(frozen=True, kw_only=True)
class Host:
    """The local AWS and its content. ``keep`` leaves it running."""

    name: str
    settings: Settings
    work: Path
    port: int
    keep: bool

    def account(self, stages: Stages, cleanup: ExitStack) -> Account:
        """The account with the environment deployed. Raises RehearsalError where it cannot be."""
        if kept := self._kept():
            aws = LocalAws(
                port=kept["port"], mqtt_port=kept["mqtt_port"], work=self._folder, lifeline=False
            )
            stages.news(f"the local AWS that was kept is used: {aws.endpoint}")
            people = People(
                execution_policies=tuple(kept["execution_policies"]),
                **{name: Credentials(**keys) for name, keys in kept["people"].items()},
            )
            account = Account(
                aws=aws,
                name=self.name,
                settings=self.settings,
                work=self.work,
                stages=stages,
                people=people,
            )
        else:
            account = self._deployed(stages, cleanup)
        stages.entered = account.aws.enter_stage
        return account

    def leave(self, account: Account) -> str:
        """Leave the local AWS running; return how to reach it, in words."""
        if not self.keep:
            return ""
        if account.aws.running:
            account.aws.detach()
        variables = {
            **account.environment(account.people.operator),
            "BINSIGHT_ENVIRONMENTS": os.environ["BINSIGHT_ENVIRONMENTS"],
        }
        lines = [f"export {key}={shlex.quote(value)}" for key, value in sorted(variables.items())]
        file = self.work / "operator.sh"
        write_file(file, "\n".join(lines) + "\n")
        return (
            f"The local AWS keeps running at {account.aws.endpoint}. To act as its operator:\n"
            f"  source {file}\n  make fleet ENV={self.name}\n"
            f"  make ask ENV={self.name} QUESTION=items\n"
            f"To end it: python -m rehearsal --work {self.work} down"
        )

    def _deployed(self, stages: Stages, cleanup: ExitStack) -> Account:
        aws = LocalAws(
            port=self.port,
            mqtt_port=free_port(),
            work=self._folder,
            lifeline=not self.keep,
            buffer_seconds=BUFFER_SECONDS,
        )
        aws.check_port()
        self._file.unlink(missing_ok=True)
        # Certificates of another local AWS, where the seed is that of an earlier run.
        shutil.rmtree(self.work / "sites", ignore_errors=True)
        with stages.stage("local AWS", f"start it on 127.0.0.1:{self.port}"):
            cleanup.enter_context(aws)
        account = Account.settled(
            aws=aws, name=self.name, settings=self.settings, work=self.work, stages=stages
        )
        account.deploy(Report(environment=self.name, dataset=""))
        if self.keep:
            people = asdict(account.people)
            policies = people.pop("execution_policies")
            document = {
                "environment": self.name,
                "port": aws.port,
                "mqtt_port": aws.mqtt_port,
                "people": people,
                "execution_policies": policies,
            }
            # Keys of an account on this machine only.
            write_file(self._file, json.dumps(document))
        return account

    @property
    def _folder(self) -> Path:
        return self.work / "local-aws"

    @property
    def _file(self) -> Path:
        return self.work / "kept.json"

    def _kept(self) -> Mapping[str, Any]:
        if PidFile.of(self._folder).alive() is None or not self._file.exists():
            return {}
        kept: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
        return kept if kept["environment"] == self.name else {}
