# SPDX-License-Identifier: Apache-2.0
"""The operator's permissions are enough to label, and too few to delete what was learned from."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.config.settings import load
from ministack_edge.process import LocalAws, free_port
from rehearsal.people import settle
from tests.label.conftest import ACCOUNT, REGION, frame, jpeg, picture
from tools.account import session_for
from tools.label.__main__ import open_desk

CAPTURES, DATASET = "binsight-dev-data-capturesbucket1-x", "binsight-dev-data-datasetbucket1-x"
_OWNER = {
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "kms:*",
    "Resource": "*",
}


def bucket(name):
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]}}
    return {
        "Type": "AWS::S3::Bucket",
        "Properties": {
            "BucketName": name,
            "VersioningConfiguration": {"Status": "Enabled"},
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": rule}]
            },
        },
    }


TEMPLATE = {
    "Resources": {
        "Key": {
            "Type": "AWS::KMS::Key",
            "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [_OWNER]}},
        },
        "Dataset": bucket(DATASET),
        "Captures": bucket(CAPTURES),
    },
    "Outputs": {
        "DatasetBucket": {"Value": {"Ref": "Dataset"}},
        "CapturesBucket": {"Value": {"Ref": "Captures"}},
    },
}


def session(person):
    return boto3.Session(
        aws_access_key_id=person.access_key,
        aws_secret_access_key=person.secret_key,
        region_name=REGION,
    )


def test_the_operator_labels_discards_and_finishes_and_deletes_no_photo(tmp_path, monkeypatch):
    settings = load("dev")
    with LocalAws(port=free_port(), work=tmp_path / "aws") as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
        people = settle(
            endpoint=aws.endpoint, account=ACCOUNT, region=REGION, prefix=settings.prefix
        )
        administrator = session(people.administrator)
        stacks = administrator.client("cloudformation")
        stacks.create_stack(StackName="binsight-dev-data", TemplateBody=json.dumps(TEMPLATE))
        stacks.get_waiter("stack_create_complete").wait(StackName="binsight-dev-data")
        s3 = administrator.client("s3")
        files = [f"{name}/{number}.jpg" for name in ("glass", "paper") for number in range(10)]
        for number, path in enumerate(files):
            body = jpeg(picture(500 + number))
            s3.put_object(Bucket=DATASET, Key=f"trash/{path}", Body=body)
        manifest = json.dumps([{"prefix": f"s3://{DATASET}/trash/"}, *files])
        s3.put_object(Bucket=DATASET, Key="trash/manifest.json", Body=manifest)
        administrator.client("iot").create_thing(
            thingName="binsight-dev-one", attributePayload={"attributes": {"site": "harbour"}}
        )
        for number in range(2):
            s3.put_object(Bucket=CAPTURES, Key=f"binsight-dev-one/{number}.jpg", Body=frame(number))

        monkeypatch.setenv("AWS_ACCESS_KEY_ID", people.operator.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", people.operator.secret_key)
        operator = session_for(settings)
        desk = open_desk(operator, settings, cache=tmp_path / "cache", progress=print)
        desk.decide("binsight-dev-one/0.jpg", "label", "glass")
        desk.decide("binsight-dev-one/1.jpg", "discard")
        desk.settle()
        desk.write_manifest(desk.plan())

        [log] = [path for path in desk.plan().files if path.startswith("_labels-")]
        line = json.loads(s3.get_object(Bucket=DATASET, Key=f"trash/{log}")["Body"].read())
        assert line["by"] == f"arn:aws:iam::{ACCOUNT}:user/operator"
        assert line["site"] == "harbour"
        stored = s3.get_object(Bucket=DATASET, Key="trash/glass/capture-binsight-dev-one-0.jpg")
        assert stored["Metadata"]["labelled-by"] == f"arn:aws:iam::{ACCOUNT}:user/operator"
        found = s3.list_object_versions(Bucket=CAPTURES)
        assert {one["Key"] for one in found["Versions"]} == {"binsight-dev-one/0.jpg"}
        with pytest.raises(ClientError, match="s3:DeleteObject"):
            operator.client("s3").delete_object(Bucket=DATASET, Key="trash/glass/0.jpg")
