# SPDX-License-Identifier: Apache-2.0
"""A CDK app that this package was not written for: deployed by the CDK's own command line with
enforcement, used, refused where its permissions end, and destroyed."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from ministack_edge.clients import Credentials, root
from ministack_edge.process import LocalAws, free_port

# One server and one order: these tests build on each other.
pytestmark = pytest.mark.xdist_group("local-aws-gateway")

APP = Path(__file__).with_name("gateway_app")
ACCOUNT, REGION = "333333333333", "eu-west-1"


@dataclass
class Site:
    """The account that the app is deployed to, in the hands of somebody who is not root."""

    aws: LocalAws
    person: Credentials
    work: Path

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.aws.endpoint,
            region_name=REGION,
            aws_access_key_id=self.person.access_key,
            aws_secret_access_key=self.person.secret_key,
        )

    def cdk(self, *command: str) -> str:
        environment = self.aws.client_environment(
            account=ACCOUNT, region=REGION, person=self.person
        )
        assert shutil.which("cdk", path=environment["PATH"]), "npm install aws-cdk"
        done = subprocess.run(
            ["cdk", *command],
            cwd=APP,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def assembly(self) -> Path:
        return self.work / "assembly"

    def deploy(self) -> str:
        return self.cdk("deploy", "--app", str(self.assembly), "--require-approval", "never")

    def outputs(self) -> dict[str, str]:
        [stack] = self.client("cloudformation").describe_stacks(StackName="gateway")["Stacks"]
        assert stack["StackStatus"].endswith("_COMPLETE")
        return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    def decisions(self) -> list[dict[str, str]]:
        lines = self.aws.permissions.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    work = tmp_path_factory.mktemp("gateway")
    with LocalAws(port=free_port(), work=work / "aws") as aws:
        iam = boto3.client(
            "iam",
            endpoint_url=aws.endpoint,
            region_name=REGION,
            aws_access_key_id=root(ACCOUNT).access_key,
            aws_secret_access_key=root(ACCOUNT).secret_key,
        )
        iam.create_user(UserName="engineer")
        iam.attach_user_policy(
            UserName="engineer", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        )
        key = iam.create_access_key(UserName="engineer")["AccessKey"]
        person = Credentials(access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
        site = Site(aws, person, work)
        site.cdk("synth", "--quiet", "--output", str(site.assembly))
        site.cdk("bootstrap", "--app", str(site.assembly))
        site.deploy()
        yield site


def publish(site: Site, machine: str, value: float) -> None:
    site.client("iot-data").publish(
        topic=f"plant/{machine}/vibration", qos=1, payload=json.dumps({"value": str(value)})
    )


def objects(site: Site, prefix: str) -> list[str]:
    listed = site.client("s3").list_objects_v2(Bucket=site.outputs()["Bucket"], Prefix=prefix)
    return [one["Key"] for one in listed.get("Contents", [])]


def test_a_reading_reaches_the_table_and_the_bucket(site: Site, until: Callable[..., Any]) -> None:
    publish(site, "pump", 2.5)
    publish(site, "pump", 3.5)
    until(lambda: len(objects(site, "readings/pump/")) == 2, what="two readings in the bucket")
    item = site.client("dynamodb").get_item(
        TableName=site.outputs()["Table"], Key={"machine": {"S": "pump"}}
    )["Item"]
    assert item == {"machine": {"S": "pump"}, "value": {"S": "3.5"}}


def test_the_pipeline_condenses_the_readings(site: Site, until: Callable[..., Any]) -> None:
    sagemaker = site.client("sagemaker")
    arn = sagemaker.start_pipeline_execution(PipelineName="condense")["PipelineExecutionArn"]

    def ended() -> Any:
        found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return found if found["PipelineExecutionStatus"] != "Executing" else None

    execution = until(ended, what="the end of the execution")
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
    assert execution["PipelineExecutionStatus"] == "Succeeded", [
        step.get("FailureReason") for step in steps["PipelineExecutionSteps"]
    ]
    body = site.client("s3").get_object(Bucket=site.outputs()["Bucket"], Key="summary/count.txt")[
        "Body"
    ]
    assert body.read().strip() == b"2"


def test_the_gateway_gets_its_component(site: Site) -> None:
    deployment = site.client("greengrassv2").get_deployment(
        deploymentId=site.outputs()["DeploymentId"]
    )
    assert deployment["deploymentStatus"] == "ACTIVE"
    assert deployment["components"]["example.Vibration"]["componentVersion"] == "1.0.0"


def test_what_the_function_may_not_is_refused_and_recorded(site: Site) -> None:
    functions, name = site.client("lambda"), site.outputs()["Function"]

    def ask(**event: str) -> str:
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
        return str(answer["Payload"].read().decode())

    assert ask(machine="fan", value="1.5") == '"kept"'
    refused = ask(machine="fan")
    assert "AccessDenied" in refused
    assert "dynamodb:GetItem" in refused
    denied = [one for one in site.decisions() if one["decision"] == "deny"]
    assert {one["action"] for one in denied} == {"dynamodb:GetItem"}
    assert all("gateway-AskServiceRole" in one["principal"] for one in denied)


def test_nothing_changes_the_second_time_and_everything_goes(site: Site) -> None:
    assert "no changes" in site.deploy()
    bucket = site.outputs()["Bucket"]
    for key in objects(site, ""):
        site.client("s3").delete_object(Bucket=bucket, Key=key)
    site.cdk("destroy", "--app", str(site.assembly), "--force")
    stacks = site.client("cloudformation").list_stacks(StackStatusFilter=["DELETE_COMPLETE"])
    assert "gateway" in {one["StackName"] for one in stacks["StackSummaries"]}
    assert site.client("greengrassv2").list_components()["components"] == []
    assert site.client("sagemaker").list_pipelines()["PipelineSummaries"] == []
    # CloudFormation had its own role, which may do everything; nobody acted as root.
    by_root = [one for one in site.decisions() if one["by"] == "root"]
    assert all(one["action"].startswith("iam:") for one in by_root)
