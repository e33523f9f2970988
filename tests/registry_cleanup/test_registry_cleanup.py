# SPDX-License-Identifier: Apache-2.0
"""The custom resource that lets a stack with model packages be deleted."""

from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber

import registry_cleanup_handler as cleanup
from tests.answers import receiver

GROUP = "binsight-dev-models"
ARN = "arn:aws:sagemaker:us-east-1:111111111111:model-package/binsight-dev-models/"


@pytest.fixture
def cloudformation():
    with receiver() as server:
        yield server


@pytest.fixture
def sagemaker(monkeypatch):
    client = boto3.client(
        "sagemaker",
        region_name="us-east-1",
        aws_access_key_id="111111111111",
        aws_secret_access_key="none",
    )
    monkeypatch.setattr("registry_cleanup_handler.boto3.client", lambda service, config: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def _request(server, kind):
    return {
        "RequestType": kind,
        "ResponseURL": f"http://127.0.0.1:{server.server_port}/answer",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Cleanup",
        "ResourceProperties": {"ModelPackageGroupName": GROUP},
    }


CONTEXT = SimpleNamespace(log_stream_name="stream", get_remaining_time_in_millis=lambda: 300_000)
GONE = "ModelPackageGroup does not exist."


def _summary(version):
    return {
        "ModelPackageArn": f"{ARN}{version}",
        "CreationTime": 0,
        "ModelPackageStatus": "Completed",
    }


def test_deleting_the_stack_deletes_every_package(cloudformation, sagemaker):
    pages = [{"ModelPackageSummaryList": [_summary(1)], "NextToken": "more"}]
    pages.append({"ModelPackageSummaryList": [_summary(2)]})
    for page in pages:
        sagemaker.add_response("list_model_packages", page)
    for version in (1, 2):
        sagemaker.add_response("delete_model_package", {}, {"ModelPackageName": f"{ARN}{version}"})
    cleanup.handler(_request(cloudformation, "Delete"), CONTEXT)
    [answer] = cloudformation.answers
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == GROUP
    assert (answer["StackId"], answer["RequestId"]) == ("stack", "request")


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_nothing_is_deleted_otherwise(cloudformation, sagemaker, kind):
    cleanup.handler(_request(cloudformation, kind), CONTEXT)
    assert cloudformation.answers[0]["Status"] == "SUCCESS"


def test_a_failure_is_answered_with_its_reason(cloudformation, sagemaker):
    sagemaker.add_client_error("list_model_packages", "AccessDeniedException", "not allowed")
    cleanup.handler(_request(cloudformation, "Delete"), CONTEXT)
    [answer] = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert GROUP in answer["Reason"]
    assert "not allowed" in answer["Reason"]


def test_a_group_that_is_gone_counts_as_emptied(cloudformation, sagemaker):
    sagemaker.add_client_error("list_model_packages", "ValidationException", GONE)
    cleanup.handler(_request(cloudformation, "Delete"), CONTEXT)
    assert cloudformation.answers[0]["Status"] == "SUCCESS"


def test_another_validation_error_is_none_of_that_kind(cloudformation, sagemaker):
    sagemaker.add_client_error("list_model_packages", "ValidationException", "1 validation error")
    cleanup.handler(_request(cloudformation, "Delete"), CONTEXT)
    assert cloudformation.answers[0]["Status"] == "FAILED"


def test_a_package_that_went_meanwhile_is_passed_over(cloudformation, sagemaker):
    page = {"ModelPackageSummaryList": [_summary(1), _summary(2)]}
    sagemaker.add_response("list_model_packages", page)
    sagemaker.add_client_error(
        "delete_model_package", "ValidationException", "ModelPackage does not exist."
    )
    sagemaker.add_response("delete_model_package", {}, {"ModelPackageName": f"{ARN}2"})
    cleanup.handler(_request(cloudformation, "Delete"), CONTEXT)
    assert cloudformation.answers[0]["Status"] == "SUCCESS"


def test_what_there_is_no_time_for_is_left_to_the_next_call(cloudformation, sagemaker):
    """The function is about to be stopped after the first package; CloudFormation is told."""
    page = {"ModelPackageSummaryList": [_summary(1), _summary(2), _summary(3)]}
    sagemaker.add_response("list_model_packages", page)
    sagemaker.add_response("delete_model_package", {}, {"ModelPackageName": f"{ARN}1"})
    left = iter((200_000, cleanup.ANSWER_MILLISECONDS))
    context = SimpleNamespace(
        log_stream_name="stream", get_remaining_time_in_millis=lambda: next(left)
    )
    cleanup.handler(_request(cloudformation, "Delete"), context)
    [answer] = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert "deleted 1 model packages, 2 are left" in answer["Reason"]
    sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": []})
    cleanup.handler(_request(cloudformation, "Delete"), CONTEXT)
    assert cloudformation.answers[1]["Status"] == "SUCCESS"


def test_retries_are_many_and_slow_down():
    assert cleanup.RETRIES.retries == {"mode": "adaptive", "max_attempts": 5}
