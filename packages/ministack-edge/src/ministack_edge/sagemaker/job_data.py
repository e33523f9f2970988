# SPDX-License-Identifier: Apache-2.0
"""Brings a job's inputs from S3 and its outputs back."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from ministack_edge.enforcement.storage import Storage
from ministack_edge.protocol import AwsError
from ministack_edge.sagemaker.local_job import JobError, LocalJob
from ministack_edge.storage import objects


def download(job: LocalJob, uri: str, local_path: str, kind: str = "S3Prefix") -> None:
    """Copy an input; a prefix that matches nothing fails the job as it does on SageMaker."""
    target = job.path(local_path)
    target.mkdir(parents=True, exist_ok=True)
    bucket, key = objects.parse(uri)
    try:
        pairs = (
            _manifest(job.storage, bucket, key)
            if kind == "ManifestFile"
            else _prefix(job.storage, bucket, key)
        )
        if not pairs:
            raise JobError(f"ClientError: No S3 objects found under S3 URL {uri!r}")
        for source_bucket, source_key, name in pairs:
            file = target / name
            if not file.resolve().is_relative_to(target.resolve()):
                raise JobError(f"ClientError: {uri}: the name {name!r} leaves the input folder")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(job.storage.read(source_bucket, source_key))
    except AwsError as error:
        raise JobError(f"ClientError: Data download failed: {error.message}") from error


def _prefix(storage: Storage, bucket: str, prefix: str) -> list[tuple[str, str, str]]:
    """Objects under a prefix by their name below it; the prefix may be one object."""
    found = []
    for key in storage.keys(bucket, prefix):
        if key == prefix:
            name = key.rpartition("/")[2]
        else:
            name = key[len(prefix) :].lstrip("/")
            if not prefix.endswith("/") and prefix and key[len(prefix)] != "/":
                # `s3://bucket/a` also matches `ab/c`: the part after the last slash stays.
                name = key[prefix.rfind("/") + 1 :]
        if name and not key.endswith("/"):
            found.append((bucket, key, name))
    return found


def _manifest(storage: Storage, bucket: str, key: str) -> list[tuple[str, str, str]]:
    """SageMaker's ManifestFile: a prefix and the names below it."""
    try:
        document = json.loads(storage.read(bucket, key))
        prefix = document[0]["prefix"]
        names = [name for name in document[1:] if isinstance(name, str)]
    except (ValueError, LookupError, TypeError) as error:
        raise JobError(
            f"ClientError: s3://{bucket}/{key} is not a manifest: expected "
            '[{"prefix": "s3://bucket/prefix/"}, "name", ...]'
        ) from error
    source_bucket, source_prefix = objects.parse(prefix)
    return [(source_bucket, source_prefix + name, name) for name in names]


def upload(job: LocalJob, folder: Path, uri: str) -> None:
    """Copy every file below the folder to the prefix."""
    bucket, prefix = objects.parse(uri)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        key = f"{prefix.rstrip('/')}/{name}" if prefix else name
        job.storage.write(bucket, key, file.read_bytes())


def tar(folder: Path) -> bytes:
    """The folder as a model.tar.gz has it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, arcname=path.name)
    return buffer.getvalue()


def restore(job: LocalJob, uri: str, local_path: str) -> None:
    """Bring back what an interrupted job left, if anything is there."""
    target = job.path(local_path)
    target.mkdir(parents=True, exist_ok=True)
    bucket, prefix = objects.parse(uri)
    if job.storage.keys(bucket, f"{prefix.rstrip('/')}/"):
        download(job, f"{uri.rstrip('/')}/", local_path)
