# SPDX-License-Identifier: Apache-2.0
"""An upload that is refused or starts no training says so, and how to start it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber
from PIL import Image

from tools import upload_dataset
from tools.upload_dataset import NotStartedError, await_start

PIPELINE = "binsight-dev-training"
ARN = f"arn:aws:sagemaker:us-east-1:111111111111:pipeline/{PIPELINE}/execution/"
URI = "s3://bucket/trash/manifest.json"


@pytest.fixture
def sagemaker():
    client = boto3.client(
        "sagemaker",
        region_name="us-east-1",
        aws_access_key_id="111111111111",
        aws_secret_access_key="none",
    )
    with Stubber(client) as stubber:
        yield client, stubber


def listing(*names):
    summaries = [{"PipelineExecutionArn": f"{ARN}{name}"} for name in names]
    return {"PipelineExecutionSummaries": summaries}


def test_the_execution_that_is_new_is_the_one(sagemaker):
    client, stubber = sagemaker
    for names in (("old",), ("new", "old")):
        stubber.add_response("list_pipeline_executions", listing(*names))
    found = await_start(client, PIPELINE, {f"{ARN}old"}, uri=URI, seconds=5)
    assert found == f"{ARN}new"
    stubber.assert_no_pending_responses()


def test_no_execution_is_told_with_what_announces_the_manifest_again(sagemaker):
    client, stubber = sagemaker
    stubber.add_response("list_pipeline_executions", listing("old"))
    with pytest.raises(NotStartedError) as caught:
        await_start(client, PIPELINE, {f"{ARN}old"}, uri=URI, seconds=0)
    assert f"aws s3 cp {URI} {URI} --metadata-directive REPLACE" in str(caught.value)


class Refusing(BaseHTTPRequestHandler):
    """S3 where the key of the bucket may not be used."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(403)
        self.end_headers()
        self.wfile.write(
            b"<Error><Code>AccessDenied</Code><Message>not authorized to perform: "
            b"kms:GenerateDataKey</Message></Error>"
        )

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def refusing_s3() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_upload_that_s3_refuses_ends_with_its_reason(
    refusing_s3: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("glass", "paper"):
        (tmp_path / name).mkdir()
        for number in range(10):
            Image.new("RGB", (32, 24), (number * 20, 90, 60)).save(
                tmp_path / name / f"{number}.jpg"
            )
    session = boto3.Session("a", "b", region_name="us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", refusing_s3)
    monkeypatch.setattr(upload_dataset, "session_for", lambda _settings: session)
    monkeypatch.setattr(upload_dataset, "_output", lambda *_names: "bucket")
    monkeypatch.setattr(upload_dataset, "executions", lambda *_names: set())
    monkeypatch.setattr(
        "sys.argv",
        ["x", "--environment", "dev", "--dataset", str(tmp_path), "--skip-quotas"],
    )
    assert upload_dataset.main() == 1
    said = capsys.readouterr().err
    assert said.startswith("upload-dataset: Failed to upload")
    assert "AccessDenied" in said
    assert "kms:GenerateDataKey" in said
