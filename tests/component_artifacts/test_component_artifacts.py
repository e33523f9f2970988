# SPDX-License-Identifier: Apache-2.0
"""The custom resource that puts the generic component's archives where cameras read them."""

from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber

import component_artifacts_handler as copies
from tests.answers import receiver

FOLDER = "components/binsight-dev.Inference/1.2.3"
FILES = {
    "inference-x86_64.zip": {"Bucket": "assets", "Key": "aa.zip"},
    "inference-aarch64.zip": {"Bucket": "assets", "Key": "bb.zip"},
}


@pytest.fixture
def s3(monkeypatch):
    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="1", aws_secret_access_key="none"
    )
    monkeypatch.setattr("component_artifacts_handler.boto3.client", lambda service: client)
    monkeypatch.setattr(copies, "PAUSE_SECONDS", 0.0)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def cloudformation():
    with receiver() as server:
        yield server


def call(server, kind):
    """Send one request; return the answer that CloudFormation got."""
    event = {
        "RequestType": kind,
        "ResponseURL": f"http://127.0.0.1:{server.server_port}/answer",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Files",
        "ResourceProperties": {"Bucket": "artifacts", "Folder": FOLDER, "Files": FILES},
    }
    copies.handler(event, SimpleNamespace(log_stream_name="stream"))
    [answer] = server.answers
    return answer


def expect(s3, name, **error):
    wanted = {"Bucket": "artifacts", "Key": f"{FOLDER}/{name}", "CopySource": FILES[name]}
    if error:
        s3.add_client_error("copy_object", expected_params=wanted, **error)
    else:
        s3.add_response("copy_object", {}, wanted)


@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_every_file_is_copied_to_the_version_s_folder(s3, cloudformation, kind):
    for name in sorted(FILES):
        expect(s3, name)
    answer = call(cloudformation, kind)
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == f"artifacts/{FOLDER}"


def test_a_permission_that_is_not_there_yet_is_waited_for(s3, cloudformation):
    first, second = sorted(FILES)
    for _ in range(3):
        expect(s3, first, service_error_code="AccessDenied")
    expect(s3, first)
    expect(s3, second)
    assert call(cloudformation, "Create")["Status"] == "SUCCESS"


def test_what_does_not_go_away_is_told_to_cloudformation(s3, cloudformation):
    for _ in range(copies.ATTEMPTS):
        expect(s3, sorted(FILES)[0], service_error_code="AccessDenied", service_message="no")
    answer = call(cloudformation, "Create")
    assert answer["Status"] == "FAILED"
    assert f"artifacts/{FOLDER}: AccessDenied" in answer["Reason"]


def test_a_missing_archive_is_not_waited_for(s3, cloudformation):
    expect(s3, sorted(FILES)[0], service_error_code="NoSuchKey")
    answer = call(cloudformation, "Update")
    assert answer["Status"] == "FAILED"
    assert "NoSuchKey" in answer["Reason"]


def test_nothing_is_deleted(s3, cloudformation):
    assert call(cloudformation, "Delete")["Status"] == "SUCCESS"
