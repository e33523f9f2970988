# SPDX-License-Identifier: Apache-2.0
"""A pipeline and its jobs act as their roles; what either lacks fails the step that needs it."""

from __future__ import annotations

import copy
import itertools
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from edge_testing import shell_pipeline
from edge_testing.enforcing import ACCOUNT, REGION, allow

SERVICE = {"Principal": {"Service": "sagemaker.amazonaws.com"}}
OWN = {**SERVICE, "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}
SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
BUCKET = shell_pipeline.BUCKET
_numbers = itertools.count(1)


def definition(jobs: str, **more: Any) -> str:
    """The small pipeline in this region, its jobs with this role."""
    text = shell_pipeline.definition(**more)
    return text.replace(shell_pipeline.ROLE, jobs).replace("us-east-1", REGION)


def jobs_rights() -> list[dict[str, Any]]:
    logs = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/*"
    return [
        allow("s3:GetObject", "s3:PutObject", on=f"arn:aws:s3:::{BUCKET}/*"),
        allow("s3:ListBucket", on=f"arn:aws:s3:::{BUCKET}"),
        allow(
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
            on=logs,
        ),
        allow("cloudwatch:PutMetricData", "ecr:GetAuthorizationToken"),
        allow("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
    ]


def pipeline_rights(jobs: str) -> list[dict[str, Any]]:
    job = ("AddTags", "CreateProcessingJob", "CreateTrainingJob")
    look = ("DescribeProcessingJob", "DescribeTrainingJob", "DescribeModelPackage")
    job = (*job, "CreateModelPackage")
    return [
        allow(*(f"sagemaker:{name}" for name in (*job, *look)), on=f"{SAGEMAKER}:*"),
        allow(
            "iam:PassRole",
            on=jobs,
            when={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        allow("s3:GetObject", on=f"arn:aws:s3:::{BUCKET}/*"),
        allow("ecr:BatchGetImage", "ecr:DescribeImages"),
    ]


def without(statements: list[dict[str, Any]], action: str) -> list[dict[str, Any]]:
    """The statements with one action taken away."""
    rest = copy.deepcopy(statements)
    for statement in rest:
        statement["Action"] = [name for name in statement["Action"] if name != action]
    return [statement for statement in rest if statement["Action"]]


@pytest.fixture(scope="module")
def sagemaker(root: Any) -> Any:
    s3 = root.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key="readings/glass/a.txt", Body=b"green glass")
    manifest = [{"prefix": f"s3://{BUCKET}/readings/"}, "glass/a.txt"]
    s3.put_object(Bucket=BUCKET, Key="readings/manifest.json", Body=json.dumps(manifest))
    service = root.client("sagemaker")
    service.create_model_package_group(ModelPackageGroupName="gauges")
    return service


@pytest.fixture
def run(sagemaker: Any, new_role: Any) -> Any:
    """Run the pipeline with these roles; returns its steps by name."""

    def start(
        *, pipeline_lacks: str = "", jobs_lack: str = "", jobs_trust: Any = OWN
    ) -> dict[str, Any]:
        jobs = new_role(*without(jobs_rights(), jobs_lack), trust=jobs_trust)
        role = new_role(*without(pipeline_rights(jobs), pipeline_lacks), trust=OWN)
        name = f"enforced-{next(_numbers)}"
        text = definition(jobs)
        sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=role)
        arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
        while (
            sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)[
                "PipelineExecutionStatus"
            ]
            == "Executing"
        ):
            time.sleep(0.1)
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
        return {step["StepName"]: step for step in steps["PipelineExecutionSteps"]}

    return start


def failure(steps: dict[str, Any]) -> tuple[str, str]:
    [(name, reason)] = [
        (step["StepName"], step["FailureReason"])
        for step in steps.values()
        if step["StepStatus"] == "Failed"
    ]
    return name, reason


def test_roles_with_what_they_need_run_it_to_the_end(run: Any) -> None:
    steps = run()
    assert {step["StepStatus"] for step in steps.values()} == {"Succeeded"}
    assert "Register" in steps


@pytest.mark.parametrize(
    ("action", "step"),
    [
        ("sagemaker:CreateProcessingJob", "Prepare"),
        ("sagemaker:AddTags", "Prepare"),
        ("sagemaker:DescribeProcessingJob", "Prepare"),
        ("iam:PassRole", "Prepare"),
        ("sagemaker:CreateTrainingJob", "Train"),
        ("sagemaker:CreateModelPackage", "Register"),
        ("sagemaker:DescribeModelPackage", "Register"),
        ("ecr:DescribeImages", "Register"),
        ("s3:GetObject", ""),
    ],
)
def test_what_the_pipeline_lacks_fails_the_step_that_needs_it(
    run: Any, action: str, step: str
) -> None:
    name, reason = failure(run(pipeline_lacks=action))
    assert action in reason
    assert "is not authorized to perform" in reason
    assert not step or name == step


@pytest.mark.parametrize(
    "action", ["s3:GetObject", "s3:ListBucket", "s3:PutObject", "ecr:BatchGetImage"]
)
def test_what_the_jobs_lack_fails_them(run: Any, action: str) -> None:
    _name, reason = failure(run(jobs_lack=action))
    assert action in reason


@pytest.mark.parametrize(
    "trust",
    [
        {"Principal": {"Service": "lambda.amazonaws.com"}},
        {**SERVICE, "Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}},
    ],
)
def test_a_role_that_does_not_trust_sagemaker_is_not_assumed(run: Any, trust: Any) -> None:
    name, reason = failure(run(jobs_trust=trust))
    assert name == "Prepare"
    assert "sts:AssumeRole" in reason


def test_a_log_that_may_not_be_written_stops_no_job_and_is_recorded(
    run: Any, decisions: Any
) -> None:
    steps = run(jobs_lack="logs:PutLogEvents")
    assert {step["StepStatus"] for step in steps.values()} == {"Succeeded"}
    denied = {line["action"] for line in decisions() if line["decision"] == "deny"}
    assert denied == {"logs:PutLogEvents"}


@pytest.mark.parametrize(
    ("resource", "may"),
    [("model-package-group/gauges", False), ("model-package/gauges/*", True)],
)
def test_listing_packages_is_a_right_on_packages(
    sagemaker: Any, person: Any, resource: str, may: bool
) -> None:
    someone = person(allow("sagemaker:ListModelPackages", on=f"{SAGEMAKER}:{resource}"))
    call = someone.client("sagemaker").list_model_packages
    if may:
        call(ModelPackageGroupName="gauges")
    else:
        with pytest.raises(ClientError, match="ListModelPackages"):
            call(ModelPackageGroupName="gauges")


def test_nobody_hands_a_role_on_without_the_right_to(
    sagemaker: Any, person: Any, new_role: Any
) -> None:
    role = new_role(trust=OWN)
    creator = allow("sagemaker:CreatePipeline", on=f"{SAGEMAKER}:pipeline/*")
    someone = person(creator, allow("iam:PassRole", on=f"{role}-other"))
    with pytest.raises(ClientError, match="iam:PassRole"):
        someone.client("sagemaker").create_pipeline(
            PipelineName="passed", PipelineDefinition=definition(role), RoleArn=role
        )


@pytest.mark.parametrize("may", [True, False])
def test_an_execution_that_is_stopped_stops_its_job_by_a_right(
    sagemaker: Any, new_role: Any, decisions: Any, may: bool
) -> None:
    jobs = new_role(*jobs_rights(), trust=OWN)
    stop = [allow("sagemaker:StopProcessingJob", on=f"{SAGEMAKER}:*")] if may else []
    role = new_role(*pipeline_rights(jobs), *stop, trust=OWN)
    name = f"stopped-{may}"

    def slow(steps: Any) -> None:
        script = steps["Prepare"]["Arguments"]["AppSpecification"]
        script["ContainerEntrypoint"] = ["/bin/sleep"]
        script["ContainerArguments"] = ["60"]

    text = definition(jobs, change=slow)
    sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=role)
    arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    time.sleep(0.5)
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    for _ in range(100):
        if sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)[
            "PipelineExecutionStatus"
        ] not in ("Executing", "Stopping"):
            break
        time.sleep(0.1)
    asked = [line for line in decisions() if line["action"] == "sagemaker:StopProcessingJob"]
    assert [line["decision"] for line in asked] == ["allow" if may else "deny"]
