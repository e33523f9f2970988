# SPDX-License-Identifier: Apache-2.0
"""One environment that trains and two that take its models, in three accounts, enforced."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.config.settings import Settings, load
from ministack_edge.clients import Credentials
from ministack_edge.process import LocalAws, free_port
from rehearsal.people import People, settle
from rehearsal.taking import moved, taking
from tests.conftest import ROOT
from tests.enforcement.bootstrapped import Bootstrapped
from tests.synth.assembly_cache import synthesise

BOOTSTRAP = ROOT / "node_modules/aws-cdk/lib/api/bootstrap/bootstrap-template.yaml"
STACKS = ("data", "training")
STRANGER = "555555555555"
PLACES = {
    "staging": ("222222222222", "us-west-2", ""),
    "prod": ("333333333333", "eu-west-1", "manual"),
    "second": ("444444444444", "us-west-2", "automatic"),
}
"""Account, region, and who approves what is taken of staging; empty: staging itself."""


def write(folder: Path) -> None:
    """The environment files: staging's with other places, and nothing trained in two of them."""
    folder.mkdir(parents=True)
    text = (ROOT / "environments" / "staging.toml").read_text(encoding="utf-8")
    for name, (account, region, approval) in PLACES.items():
        one = text.replace("binsight-staging", f"binsight-{name}")
        one = moved(one, account=account, region=region)
        if approval:
            one = taking(one, "staging", approval)
        (folder / f"{name}.toml").write_text(one, encoding="utf-8")


@dataclass(frozen=True)
class Exchange:
    """The deployed environments on one local AWS."""

    aws: LocalAws
    settings: Mapping[str, Settings]
    people: Mapping[str, People]

    def client(
        self, service: str, name: str, person: Credentials | None = None, **more: Any
    ) -> Any:
        """boto3 in an environment's account, as its administrator or another person."""
        acting = person or self.people[name].administrator
        return boto3.client(
            service,
            endpoint_url=self.aws.endpoint,
            region_name=self.settings[name].region,
            aws_access_key_id=acting.access_key,
            aws_secret_access_key=acting.secret_key,
            **more,
        )

    def outputs(self, name: str) -> dict[str, str]:
        """The outputs of an environment's data and training stacks."""
        found = {}
        for stack in STACKS:
            described = self.client("cloudformation", name).describe_stacks(
                StackName=f"{self.settings[name].prefix}-{stack}"
            )["Stacks"][0]
            found |= {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}
        return found

    def packages(self, name: str) -> list[dict[str, Any]]:
        """The model packages of an environment, described, the oldest first."""
        sagemaker = self.client("sagemaker", name)
        found = sagemaker.list_model_packages(
            ModelPackageGroupName=f"{self.settings[name].prefix}-models", SortOrder="Ascending"
        )["ModelPackageSummaryList"]
        described = [
            sagemaker.describe_model_package(ModelPackageName=one["ModelPackageArn"])
            for one in found
        ]
        return [
            {key: value for key, value in one.items() if key != "ResponseMetadata"}
            for one in described
        ]

    def decisions(self, **wanted: str) -> list[dict[str, Any]]:
        """What the local AWS decided, where these members have these values."""
        lines = self.aws.permissions.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines]
        return [one for one in found if all(one[key] == value for key, value in wanted.items())]


@pytest.fixture(scope="package")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the environment files."""
    folder = tmp_path_factory.mktemp("promotion") / "files"
    write(folder)
    return folder


@pytest.fixture(autouse=True)
def _environments(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # For each test here, and for no other test of the same process.
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(files))


@pytest.fixture(scope="package")
def exchange(files: Path) -> Iterator[Exchange]:
    """The data and training stacks of all three, deployed with the shipped policies alone."""
    work = files.parent
    synthesise("tests.promotion.synthesise", work / "assemblies", environments=files)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BINSIGHT_ENVIRONMENTS", str(files))
        settings = {name: load(name) for name in PLACES}
    with LocalAws(port=free_port(), work=work / "local-aws") as aws:
        people = {}
        # Those who take models first: neither side needs the other to be there.
        for name in reversed(PLACES):
            one = settings[name]
            people[name] = settle(
                endpoint=aws.endpoint, account=one.account, region=one.region, prefix=one.prefix
            )
            found = Exchange(aws, settings, people)
            bootstrap(found.client("cloudformation", name), people[name])
            Bootstrapped(aws, people[name], one, work / "assemblies" / name).deploy(STACKS)
        yield found


def bootstrap(cloudformation: Any, people: People) -> None:
    """The bootstrap stack as the CDK's command line makes it, without starting that three times."""
    cloudformation.create_stack(
        StackName="CDKToolkit",
        TemplateBody=BOOTSTRAP.read_text(encoding="utf-8"),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[
            {
                "ParameterKey": "CloudFormationExecutionPolicies",
                "ParameterValue": ",".join(people.execution_policies),
            },
            {"ParameterKey": "FileAssetsBucketKmsKeyId", "ParameterValue": "AWS_MANAGED_KEY"},
        ],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="CDKToolkit", WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )


def until(found: Callable[[], Any], *, seconds: float = 60) -> Any:
    """What is found, once it is; AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.2)
    return value
