# SPDX-License-Identifier: Apache-2.0
"""Class names with spaces and letters of any script survive upload, manifest and download."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from PIL import Image

from ministack_edge.process import LocalAws, free_port
from ministack_edge.sagemaker.job_data import _manifest
from tools.dataset import check_dataset, upload

BUCKET = "names-of-classes"
CLASSES = ("Café cups & lids", "glass (green) + 'clear'", "生ごみ")


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[Any]:
    with LocalAws(port=free_port(), work=tmp_path / "aws", enforce=False) as aws:
        yield boto3.client(
            "s3",
            endpoint_url=aws.endpoint,
            aws_access_key_id="111111111111",
            aws_secret_access_key="local",
            region_name="us-east-1",
        )


def test_every_key_arrives_as_it_was(s3: Any, tmp_path: Path, monkeypatch: Any) -> None:
    photos = tmp_path / "photos"
    for name in CLASSES:
        (photos / name).mkdir(parents=True)
        Image.new("RGB", (32, 24)).save(photos / name / "photo 1 + 50%.jpg")
    s3.create_bucket(Bucket=BUCKET)
    dataset = check_dataset(photos)
    key = upload(s3, dataset, bucket=BUCKET, name="trash", progress=print)
    listed = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert sorted(listed) == sorted([key, *(f"trash/{photo}" for photo in dataset.photos)])
    # What a SageMaker job would fetch by the manifest is there, byte by byte.
    stored = SimpleNamespace(
        read=lambda bucket, name: s3.get_object(Bucket=bucket, Key=name)["Body"].read(),
        parse=lambda uri: uri.removeprefix("s3://").split("/", 1),
    )
    monkeypatch.setattr("ministack_edge.sagemaker.job_data.objects", stored)  # for the URI's parts
    fetched = {
        name: stored.read(bucket, full) for bucket, full, name in _manifest(stored, BUCKET, key)
    }
    assert fetched == {name: (photos / name).read_bytes() for name in dataset.photos}
    assert {name.split("/")[0] for name in fetched} == set(CLASSES)
