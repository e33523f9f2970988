# SPDX-License-Identifier: Apache-2.0
"""What the notebook's cells call; that all cells run is tested by tests/rehearsal."""

import io
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from training.notebooks import helpers


class Bucket:
    """An S3 client with one bucket."""

    def __init__(self, objects: dict[str, bytes], *, version: str | None) -> None:
        self.objects, self.version = objects, version

    def get_paginator(self, _name: str) -> Any:
        contents: list[dict[str, Any]] = [
            {"Key": key, "LastModified": datetime(2026, 1, day, tzinfo=UTC)}
            for day, key in enumerate(self.objects, start=1)
        ]

        def paginate(*, Bucket: str, Prefix: str) -> list[Any]:  # noqa: N803 - boto3's names
            assert Bucket == "photos"
            return [{"Contents": [item for item in contents if item["Key"].startswith(Prefix)]}]

        return SimpleNamespace(paginate=paginate)

    def head_object(self, **_: str) -> dict[str, str]:
        return {"ETag": '"abc"', **({"VersionId": self.version} if self.version else {})}

    def get_object(self, **given: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[given["Key"]])}


def deployment(objects: dict[str, bytes], version: str | None = "v1") -> helpers.Deployment:
    bucket = Bucket(objects, version=version)
    session = SimpleNamespace(client=lambda _service: bucket)
    return helpers.Deployment(session, "binsight-dev", {"DatasetBucket": "photos"})


def manifest(*names: str) -> bytes:
    return json.dumps([{"prefix": "s3://photos/trash/"}, *names]).encode()


def test_the_latest_dataset_and_its_version_are_found() -> None:
    found = helpers.Dataset.latest(
        deployment(
            {
                "old/manifest.json": manifest("glass/x.jpg"),
                "trash/manifest.json": manifest("paper/b.jpg", "glass/a.jpg", "glass/c.jpg"),
            }
        )
    )
    assert (found.key, found.version) == ("trash/manifest.json", "v1")
    assert found.photos == {
        "glass": ["s3://photos/trash/glass/a.jpg", "s3://photos/trash/glass/c.jpg"],
        "paper": ["s3://photos/trash/paper/b.jpg"],
    }


def test_without_versions_the_content_is_the_version() -> None:
    found = helpers.Dataset.latest(
        deployment({"trash/manifest.json": manifest("a/a.jpg")}, version=None)
    )
    assert found.version == "abc"


def test_a_bucket_without_a_dataset_is_named_with_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r"photos: upload one with `make upload-dataset`"):
        helpers.Dataset.latest(deployment({"readme.txt": b""}))


def test_the_environment_is_known_or_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BINSIGHT_PREFIX", raising=False)
    with pytest.raises(RuntimeError, match="set BINSIGHT_PREFIX"):
        helpers.configuration()
    (tmp_path / "binsight.json").write_text('{"prefix": "binsight-west"}')
    assert helpers.configuration()["prefix"] == "binsight-west"
    monkeypatch.setenv("BINSIGHT_PREFIX", "binsight-prod")
    assert helpers.configuration()["prefix"] == "binsight-prod"


class Execution:
    """A pipeline execution that ends after two looks."""

    def __init__(self) -> None:
        self.looks = 0

    def describe(self) -> dict[str, str]:
        self.looks += 1
        return {"PipelineExecutionStatus": "Executing" if self.looks < 2 else "Failed"}

    def list_steps(self) -> list[dict[str, Any]]:
        steps = [{"StepName": "Prepare", "StepStatus": "Succeeded", "CacheHitResult": {}}]
        if self.looks > 1:
            steps.insert(
                0, {"StepName": "Refused", "StepStatus": "Failed", "FailureReason": "too weak"}
            )
        return steps


def test_each_step_is_told_once_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert helpers.follow(Execution(), every=0) == "Failed"
    assert capsys.readouterr().out.splitlines() == [
        "Prepare: succeeded (reused) ",
        "Refused: failed too weak",
    ]
