# SPDX-License-Identifier: Apache-2.0
"""Captures of an account that takes its models become photos of the account that trains."""

import json
import shutil

import boto3
import pytest

from infra.config.settings import load
from ministack_edge.process import LocalAws, free_port
from rehearsal.people import settle
from rehearsal.taking import moved, taking
from tests.conftest import ROOT
from tests.label.conftest import frame, jpeg, picture
from tests.label.test_operator import bucket
from tools.account import AccountError, session_for
from tools.label.__main__ import dataset_of, open_desk

TRAINS, TAKES = ("111111111111", "us-east-1"), ("999999999999", "eu-west-1")
DATASET, CAPTURES = "binsight-dev-data-datasetbucket1-x", "binsight-far-data-capturesbucket1-x"


@pytest.fixture
def environments(tmp_path, monkeypatch):
    """``dev`` trains, ``far`` in another account and region takes its models."""
    folder = tmp_path / "environments"
    folder.mkdir()
    shutil.copy(ROOT / "environments" / "dev.toml", folder)
    text = (folder / "dev.toml").read_text().replace("binsight-dev", "binsight-far")
    text = taking(moved(text, account=TAKES[0], region=TAKES[1]), "dev", "manual")
    (folder / "far.toml").write_text(text)
    monkeypatch.setenv("BINSIGHT_ENVIRONMENTS", str(folder))


def template(account, kind, name):
    owner = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [owner]}
    return {
        "Resources": {
            "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}},
            kind: bucket(name),
        },
        "Outputs": {f"{kind}Bucket": {"Value": {"Ref": kind}}},
    }


def deployed(aws, place, environment, kind, name):
    """Deploy a data stack with one bucket; S3 of the administrator, and the operator."""
    account, region = place
    prefix = f"binsight-{environment}"
    people = settle(endpoint=aws.endpoint, account=account, region=region, prefix=prefix)
    administrator = boto3.Session(
        aws_access_key_id=people.administrator.access_key,
        aws_secret_access_key=people.administrator.secret_key,
        region_name=region,
    )
    stacks = administrator.client("cloudformation")
    body = json.dumps(template(account, kind, name))
    stacks.create_stack(StackName=f"{prefix}-data", TemplateBody=body)
    stacks.get_waiter("stack_create_complete").wait(StackName=f"{prefix}-data")
    return administrator.client("s3"), people.operator


def test_operators_of_both_accounts_have_the_rights_together(environments, tmp_path, monkeypatch):
    with LocalAws(port=free_port(), work=tmp_path / "aws") as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
        photos, trainer = deployed(aws, TRAINS, "dev", "Dataset", DATASET)
        captures, operator = deployed(aws, TAKES, "far", "Captures", CAPTURES)
        files = [f"{name}/{number}.jpg" for name in ("glass", "paper") for number in range(10)]
        for number, path in enumerate(files):
            body = jpeg(picture(500 + number))
            photos.put_object(Bucket=DATASET, Key=f"trash/{path}", Body=body)
        manifest = json.dumps([{"prefix": f"s3://{DATASET}/trash/"}, *files])
        photos.put_object(Bucket=DATASET, Key="trash/manifest.json", Body=manifest)
        captures.put_object(Bucket=CAPTURES, Key="binsight-far-one/0.jpg", Body=frame(0))

        profiles = tmp_path / "credentials"
        profiles.write_text(
            f"[trains]\naws_access_key_id = {trainer.access_key}\n"
            f"aws_secret_access_key = {trainer.secret_key}\n"
        )
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profiles))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", operator.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", operator.secret_key)
        monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
        far = load("far")
        desk = open_desk(
            session_for(far),
            far,
            cache=tmp_path / "cache",
            progress=print,
            dataset=dataset_of(far, profile="trains"),
        )
        desk.decide("binsight-far-one/0.jpg", "label", "glass")
        desk.settle()
        desk.write_manifest(desk.plan())

        key = "trash/glass/capture-binsight-far-one-0.jpg"
        by = photos.get_object(Bucket=DATASET, Key=key)["Metadata"]["labelled-by"]
        assert by == f"arn:aws:iam::{TRAINS[0]}:user/operator"
        written = json.load(photos.get_object(Bucket=DATASET, Key="trash/manifest.json")["Body"])
        assert key.removeprefix("trash/") in written
        assert captures.list_objects_v2(Bucket=CAPTURES)["KeyCount"] == 0
        with pytest.raises(AccountError, match="profile trains are for account 111111111111"):
            session_for(far, profile="trains")


def test_without_a_profile_it_says_whose_is_needed(environments):
    with pytest.raises(AccountError, match="photos of dev's dataset in account 111111111111: set"):
        dataset_of(load("far"))


def test_a_profile_is_refused_where_the_environment_trains(environments):
    with pytest.raises(AccountError, match="DATASET_PROFILE=trains: binsight-dev trains its own"):
        dataset_of(load("dev"), profile="trains")
