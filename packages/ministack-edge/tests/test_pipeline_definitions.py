# SPDX-License-Identifier: Apache-2.0
"""What SageMaker refuses, the local AWS refuses: at once, and by name."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from edge_testing.shell_pipeline import ROLE, definition

pytestmark = pytest.mark.xdist_group("local-aws-pipelines")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("2020-12-01", "2021-01-01"), "Unknown pipeline version"),
        (lambda text: text.replace('"Type": "Fail"', '"Type": "Tuning"'), "runs Processing"),
        (lambda text: text.replace("Parameters.Epochs", "Parameters.Nope"), "undeclared"),
        (lambda text: text.replace("Steps.Train.", "Steps.Trian."), "unknown steps: Trian"),
        (lambda text: text[:-1], "Unable to parse"),
    ],
)
def test_a_bad_definition_is_refused_at_once(sagemaker, change, message):
    with pytest.raises(ClientError, match=message):
        sagemaker.create_pipeline(
            PipelineName="bad", PipelineDefinition=change(definition()), RoleArn=ROLE
        )


def _arguments(step: str, **changes: Any) -> Any:
    return lambda steps: steps[step]["Arguments"].update(changes)


def _keys(step: str, **changes: Any) -> Any:
    return lambda steps: steps[step].update(changes)


def _policy(**changes: Any) -> dict[str, Any]:
    return {"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 2, **changes}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_keys("Train", Cache=True), "unknown key Cache"),
        (_keys("Train", PropertyFiles=[]), "unknown key PropertyFiles"),
        (_arguments("Train", Spot=True), "unknown member Spot"),
        (_arguments("Prepare", Environment={"A": "b" * 257}), "length 257, allowed 0 to 256"),
        (_arguments("Prepare", Environment={"A": 1}), "expected string"),
        (
            _arguments("Prepare", ProcessingResources={"ClusterConfig": {}}),
            "VolumeSizeInGB is required",
        ),
        (_arguments("Train", HyperParameters={"epochs": 3}), "expected string"),
        (_arguments("Train", EnableManagedSpotTraining=True), "MaxWaitTimeInSeconds must be"),
        (_arguments("Train", StoppingCondition={"MaxWaitTimeInSeconds": 9}), "for managed spot"),
        (_arguments("Register", Tags=[{"Key": "a", "Value": "b"}]), "its group's tags"),
        (
            _arguments("Register", CustomerMetadataProperties={"note": "50 %"}),
            "allowed: letters, digits",
        ),
        (_keys("Prepare", CacheConfig={"Enabled": True}), "no duration"),
        (_keys("Prepare", CacheConfig={"Enabled": "yes"}), "Enabled: true or false"),
        (_keys("Prepare", RetryPolicies=[_policy(MaxAttempts=21)]), "1 to 20"),
        (_keys("Prepare", RetryPolicies=[_policy(Every=1)]), "RetryPolicies"),
        (
            _keys("Register", RetryPolicies=[_policy(ExceptionType=["SageMaker.CAPACITY_ERROR"])]),
            "RetryPolicies",
        ),
        (
            _keys(
                "Prepare",
                PropertyFiles=[{"PropertyFileName": "A", "OutputName": "no", "FilePath": "a"}],
            ),
            "unknown output no",
        ),
    ],
)
def test_a_step_that_sagemaker_would_not_take_is_refused_at_once(sagemaker, change, message):
    with pytest.raises(ClientError, match=message):
        sagemaker.create_pipeline(
            PipelineName="bad", PipelineDefinition=definition(change=change), RoleArn=ROLE
        )


def test_what_expressions_give_is_checked_before_the_job_starts(finish):
    """The text is short in the definition and too long when the pipeline runs."""

    def lengthen(steps: dict[str, Any]) -> None:
        long = {"Std:Join": {"On": "", "Values": ["x" * 250, {"Get": "Parameters.Manifest"}]}}
        steps["Prepare"]["Arguments"]["Environment"] = {"LONG": long}

    execution, steps = finish("lengthened", definition(change=lengthen))
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert "length 272, allowed 0 to 256" in steps["Prepare"]["FailureReason"]


def test_a_parameter_of_the_wrong_type_or_name_is_refused(sagemaker):
    sagemaker.create_pipeline(
        PipelineName="parameters", PipelineDefinition=definition(), RoleArn=ROLE
    )
    for name, value, message in (("Epochs", "many", "not of type"), ("Epoch", "1", "it declares")):
        with pytest.raises(ClientError, match=message):
            sagemaker.start_pipeline_execution(
                PipelineName="parameters", PipelineParameters=[{"Name": name, "Value": value}]
            )


def test_accounts_and_regions_do_not_see_each_other(client):
    for account, region in (("222222222222", "us-east-1"), ("111111111111", "eu-west-1")):
        other = client("sagemaker", account=account, region=region)
        assert other.list_pipelines()["PipelineSummaries"] == []
        assert other.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
