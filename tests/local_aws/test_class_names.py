# SPDX-License-Identifier: Apache-2.0
"""Class names with spaces and letters of any script survive upload, manifest and download."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image

from ministack_edge.sagemaker.job_data import _manifest
from tools.dataset import check_dataset, upload

BUCKET = "names-of-classes"
CLASSES = ("Café cups & lids", "glass (green) + 'clear'", "生ごみ")


def test_every_key_arrives_as_it_was(client: Any, tmp_path: Path, monkeypatch: Any) -> None:
    for name in CLASSES:
        (tmp_path / name).mkdir()
        Image.new("RGB", (32, 24)).save(tmp_path / name / "photo 1 + 50%.jpg")
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    dataset = check_dataset(tmp_path)
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
    assert fetched == {name: (tmp_path / name).read_bytes() for name in dataset.photos}
    assert {name.split("/")[0] for name in fetched} == set(CLASSES)
