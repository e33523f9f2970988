# SPDX-License-Identifier: Apache-2.0
"""The rehearsal's calls to the (local) cloud: outputs, pipeline, approval, rollout, leftovers."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
from botocore.config import Config

from ministack_edge.clients import Credentials, root
from rehearsal.errors import RehearsalError
from rehearsal.permissions.coverage import role_name

STACKS = ("data", "training", "edge", "insights")
_ENDED = {"Succeeded", "Failed", "Stopped"}


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """An account and region of the local AWS, through boto3 and nothing else.

    ``person`` is who acts; the root user of the account without one.
    """

    endpoint: str
    account: str
    region: str
    prefix: str
    person: Credentials | None = None
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client; made once per service."""
        if service not in self._clients:
            acting = self.person or root(self.account)
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint,
                region_name=self.region,
                aws_access_key_id=acting.access_key,
                aws_secret_access_key=acting.secret_key,
                aws_session_token=acting.session_token,
                config=Config(max_pool_connections=20, retries={"max_attempts": 3}),
            )
        return self._clients[service]

    def in_role(self, arn: str, session: str) -> "Cloud":
        """A client with a role that ``person`` may assume.

        ``session`` is the name of the role's session. Raises botocore's ClientError if it is
        refused.
        """
        keys = self.client("sts").assume_role(RoleArn=arn, RoleSessionName=session)["Credentials"]
        role = Credentials(
            access_key=keys["AccessKeyId"],
            secret_key=keys["SecretAccessKey"],
            session_token=keys["SessionToken"],
        )
        return replace(self, person=role, _clients={})

    def outputs(self) -> dict[str, str]:
        """The outputs of all stacks of the environment."""
        found: dict[str, str] = {}
        for stack in STACKS:
            described = self.client("cloudformation").describe_stacks(
                StackName=f"{self.prefix}-{stack}"
            )["Stacks"][0]
            found |= {item["OutputKey"]: item["OutputValue"] for item in described["Outputs"]}
        return found

    def stack_ids(self) -> dict[str, str]:
        """Ids of the stacks, by which a deleted stack can still be asked for."""
        cloudformation = self.client("cloudformation")
        names = [f"{self.prefix}-{stack}" for stack in STACKS]
        return {
            name: cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
            for name in names
        }

    def policies(self) -> dict[str, Any]:
        """Every policy in the account as it is now: by role, and by resource."""
        url = f"{self.endpoint}/_edge/policies?account={self.account}&region={self.region}"
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - the local AWS
            found: dict[str, Any] = json.load(answer)
        return found

    def role_names(self) -> dict[str, str]:
        """The logical name of every role of the environment by its ARN (see permissions.py)."""
        found = {}
        for stack in STACKS:
            pages = self.client("cloudformation").get_paginator("list_stack_resources")
            for page in pages.paginate(StackName=f"{self.prefix}-{stack}"):
                for resource in page["StackResourceSummaries"]:
                    if resource["ResourceType"] == "AWS::IAM::Role":
                        arn = f"arn:aws:iam::{self.account}:role/{resource['PhysicalResourceId']}"
                        found[arn] = role_name(stack, resource["LogicalResourceId"])
        return found

    def lift_termination_protection(self) -> int:
        """Let the stacks be deleted, as a person must first; return how many were protected."""
        cloudformation = self.client("cloudformation")
        lifted = 0
        for name in self.stack_ids():
            stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            if stack.get("EnableTerminationProtection"):
                cloudformation.update_termination_protection(
                    StackName=name, EnableTerminationProtection=False
                )
                lifted += 1
        return lifted

    def pipeline_execution(
        self, pipeline: str, *, after: str | None = None, timeout: float = 30
    ) -> str:
        """The execution that the manifest's event started; waits for it to appear.

        ``after`` is an earlier one, which is not taken for it.
        """
        for _ in until(timeout, f"no execution of pipeline {pipeline} was started by the manifest"):
            found = self.client("sagemaker").list_pipeline_executions(PipelineName=pipeline)
            for newest in found["PipelineExecutionSummaries"][:1]:
                if newest["PipelineExecutionArn"] != after:
                    return str(newest["PipelineExecutionArn"])
        raise AssertionError  # _until raises when time is up

    def watch_pipeline(
        self, execution: str, *, news: Callable[[str], None], timeout: float
    ) -> dict[str, Any]:
        """Print each step as it ends; return the execution. Raises a failed execution's reason."""
        sagemaker = self.client("sagemaker")
        told: set[str] = set()
        for _ in until(timeout, f"pipeline execution {execution} did not end"):
            steps = [
                step
                for page in sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
                    PipelineExecutionArn=execution, SortOrder="Ascending"
                )
                for step in page["PipelineExecutionSteps"]
            ]
            for step in steps:
                if step["StepStatus"] in _ENDED and step["StepName"] not in told:
                    told.add(step["StepName"])
                    seconds = (step["EndTime"] - step["StartTime"]).total_seconds()
                    news(f"{step['StepName']}: {step['StepStatus'].lower()} in {seconds:.1f} s")
            described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
            if described["PipelineExecutionStatus"] in _ENDED:
                if described["PipelineExecutionStatus"] != "Succeeded":
                    raise RehearsalError(_pipeline_failure(described, steps))
                return dict(described)
        raise AssertionError  # _until raises when time is up

    def latest_model_package(self, group: str) -> dict[str, Any]:
        """The model package registered last in a group."""
        sagemaker = self.client("sagemaker")
        found = sagemaker.list_model_packages(
            ModelPackageGroupName=group,
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=1,
        )["ModelPackageSummaryList"]
        if not found:
            raise RehearsalError(f"model package group {group} is empty after the pipeline")
        return dict(sagemaker.describe_model_package(ModelPackageName=found[0]["ModelPackageArn"]))

    def evaluation_of(self, package: Mapping[str, Any]) -> dict[str, Any]:
        """The pipeline's results on the test photos: the package's model quality report."""
        uri = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        document = json.load(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
        general, own = document["multiclass_classification_metrics"], document["binsight"]
        return {
            "accuracy": general["accuracy"]["value"],
            "accuracy_interval": own["accuracy_interval"],
            "test_photos": own["test_photos"],
            "per_class": own["per_class"],
            **{
                name: own["approved"][name]
                for name in ("old_photos", "new_photos")
                if name in own["approved"]
            },
        }

    def watch_rollout(
        self, state_machine: str, *, news: Callable[[str], None], after: str | None = None
    ) -> dict[str, Any]:
        """Wait for the state machine's execution that the approval started, state by state.

        ``after`` is an earlier one, which is not taken for it.
        """
        states = self.client("stepfunctions")
        told = 0
        for _ in until(180, f"the rollout {state_machine} did not end"):
            executions = states.list_executions(stateMachineArn=state_machine)["executions"]
            if not executions or executions[0]["executionArn"] == after:
                continue
            arn = executions[0]["executionArn"]
            history = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
            entered = [
                event["stateEnteredEventDetails"]["name"]
                for event in history
                if "stateEnteredEventDetails" in event
            ]
            for position in range(told, len(entered)):
                # The check loop enters the same states repeatedly; each one is printed once.
                if entered[position] not in entered[:position]:
                    news(entered[position])
            told = len(entered)
            described = states.describe_execution(executionArn=arn)
            if described["status"] == "SUCCEEDED":
                return dict(described)
            if described["status"] != "RUNNING":
                raise RehearsalError(
                    f"the rollout ended {described['status']} after {entered[-1:]}: "
                    f"{described.get('error', '')} {described.get('cause', '')}"
                )
        raise AssertionError  # _until raises when time is up

    def left_behind(self, stack_ids: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """What a destroy deleted and what it kept, as ``type name``, from the stacks' events."""
        destroyed, retained = [], []
        for stack_id in stack_ids.values():
            last: dict[str, tuple[str, str]] = {}
            pages = self.client("cloudformation").get_paginator("describe_stack_events")
            for page in pages.paginate(StackName=stack_id):
                for event in page["StackEvents"]:  # newest first
                    name = f"{event['ResourceType']} {event.get('PhysicalResourceId', '')}".strip()
                    last.setdefault(event["LogicalResourceId"], (event["ResourceStatus"], name))
            destroyed += [name for status, name in last.values() if status == "DELETE_COMPLETE"]
            retained += [name for status, name in last.values() if status == "DELETE_SKIPPED"]
        return sorted(destroyed), sorted(retained)


def _pipeline_failure(described: Mapping[str, Any], steps: list[dict[str, Any]]) -> str:
    reasons = [
        f"{step['StepName']}: {step.get('FailureReason', 'no reason given')}"
        for step in steps
        if step["StepStatus"] == "Failed"
    ]
    reason = "\n".join(reasons) or described.get("FailureReason", "no reason given")
    return f"the pipeline ended {described['PipelineExecutionStatus']}: {reason}"


def until(timeout: float, complaint: str, every: float = 0.2) -> Iterator[None]:
    """Yield until the caller leaves the loop; raise RehearsalError when the time is up."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        yield
        time.sleep(every)
    raise RehearsalError(f"{complaint} within {timeout:.0f} s")
