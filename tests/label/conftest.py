# SPDX-License-Identifier: Apache-2.0
"""A local AWS with a data stack's buckets, a dataset, and captures that the camera's code wrote."""

import io
import json
from types import SimpleNamespace

import boto3
import numpy as np
import pytest
from PIL import Image

from camera.uploads import BucketUpload, Credentials
from contracts.messages import ModelName
from infra.config.settings import load
from ministack_edge.process import LocalAws, free_port
from tools.account import session_for
from tools.label.__main__ import open_desk

ACCOUNT, REGION = "111111111111", "us-east-1"
KEYS = Credentials(access_key=ACCOUNT, secret_key="local", token="local")
_VERSIONED = {
    "Type": "AWS::S3::Bucket",
    "Properties": {"VersioningConfiguration": {"Status": "Enabled"}},
}
_TEMPLATE = {
    "Resources": {"Dataset": _VERSIONED, "Captures": _VERSIONED},
    "Outputs": {
        "DatasetBucket": {"Value": {"Ref": "Dataset"}},
        "CapturesBucket": {"Value": {"Ref": "Captures"}},
    },
}
REGION_OF_ITEM = [160, 80, 320, 240]


def picture(seed, *, width=160, height=160):
    """Broad shapes that differ from seed to seed."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def jpeg(image, quality=92):
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=quality)
    return packed.getvalue()


def frame(seed):
    """An item on a view that is always the same."""
    view = picture(10_000, width=480, height=320)
    view.paste(picture(seed), (REGION_OF_ITEM[0], REGION_OF_ITEM[1]))
    return jpeg(view)


def prediction(first="glass", sure=0.41):
    return {
        "thing": "binsight-dev-1",
        "reason": "low confidence",
        "model": ModelName(digest="0" * 64, version="1.0.3").to_json(),
        "region": REGION_OF_ITEM,
        "probabilities": {"paper": round(0.9 - sure, 4), first: sure, "metal": 0.1},
    }


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    work = tmp_path_factory.mktemp("aws")
    with LocalAws(port=free_port(), work=work, enforce=False) as running:
        yield running.endpoint


@pytest.fixture
def place(aws, monkeypatch, tmp_path):
    """The environment ``dev``. ``capture`` uploads as a camera does, ``desk`` opens a session."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    settings = load("dev")
    stacks = boto3.client("cloudformation", region_name=REGION)
    stacks.create_stack(StackName="binsight-dev-data", TemplateBody=json.dumps(_TEMPLATE))
    stacks.get_waiter("stack_create_complete").wait(StackName="binsight-dev-data")
    [stack] = stacks.describe_stacks(StackName="binsight-dev-data")["Stacks"]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    s3 = boto3.client("s3", region_name=REGION)
    captures, dataset = outputs["CapturesBucket"], outputs["DatasetBucket"]
    upload = BucketUpload(
        bucket=captures,
        region=REGION,
        credentials=lambda: KEYS,
        endpoint=aws,
    )

    def capture(number, *, seed=None, document=None):
        key = f"binsight-dev-1/{1_790_000_000_000 + number:015d}.jpg"
        content = frame(number if seed is None else seed)
        upload.put(key, content, prediction() if document is None else document)
        return key

    def put_dataset(counts):
        files = []
        for index, (name, count) in enumerate(counts.items()):
            for number in range(count):
                path = f"{name}/{number}.jpg"
                body = jpeg(picture(1000 * (index + 1) + number))
                s3.put_object(Bucket=dataset, Key=f"trash/{path}", Body=body)
                files.append(path)
        body = json.dumps([{"prefix": f"s3://{dataset}/trash/"}, *files])
        s3.put_object(Bucket=dataset, Key="trash/manifest.json", Body=body)

    def listed(bucket):
        found = s3.list_objects_v2(Bucket=bucket).get("Contents", ())
        return sorted(one["Key"] for one in found)

    def named():
        return json.load(s3.get_object(Bucket=dataset, Key="trash/manifest.json")["Body"])

    yield SimpleNamespace(
        s3=s3,
        captures=captures,
        dataset=dataset,
        capture=capture,
        put_dataset=put_dataset,
        in_captures=lambda: listed(captures),
        in_dataset=lambda: listed(dataset),
        # The prefix and the photos, without the lists of who labelled what.
        manifest=lambda: [one for one in named() if not str(one).startswith("_labels-")],
        lists=lambda: [one for one in named() if str(one).startswith("_labels-")],
        desk=lambda: open_desk(
            session_for(settings), settings, cache=tmp_path / "cache", progress=print
        ),
    )
    for bucket in (captures, dataset):
        found = s3.list_object_versions(Bucket=bucket)
        for one in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    stacks.delete_stack(StackName="binsight-dev-data")
    stacks.get_waiter("stack_delete_complete").wait(StackName="binsight-dev-data")
