# SPDX-License-Identifier: Apache-2.0
"""Copy a model's files and register it here. Afterwards nothing here needs the source."""

import base64
import hashlib
import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from promotion.settings import PromotionError, Settings
from promotion.source import ARCHIVE, EVALUATION, REPORTS, SourceModel

FOLDER = "models/promoted"
LINEAGE = "lineage.json"
_CHUNK = 1024 * 1024
_ABSENT = {"403", "404", "AccessDenied", "NoSuchKey"}
"""What S3 answers about an object that is gone to who may not list the bucket."""
_TEXT = 256
"""The longest value that a package's metadata may have."""


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """One promotion. ``source_s3`` reads with the source's role, the others act here."""

    settings: Settings
    source_s3: Any
    s3: Any
    sagemaker: Any

    def run(self, model: SourceModel, *, dry_run: bool = False) -> dict[str, Any]:
        """Promote a model; what was done, or with ``dry_run`` what would be.

        The same archive is registered once: a second promotion reports the first one's package.
        Raises PromotionError if the archive is not the one that was evaluated.
        """
        with tempfile.TemporaryFile() as archive:
            digest = self._fetch(model, archive)
            _verify(archive, digest, model)
            folder = f"{FOLDER}/{digest}"
            done: dict[str, Any] = {
                "source": self.settings.source,
                "source_package": model.arn,
                "version": model.version,
                "digest": digest,
                "folder": f"s3://{self.settings.artifacts_bucket}/{folder}/",
                "files": [],
                "not_copied": [],
                "package": self._registered(digest),
                "created": False,
                "dry_run": dry_run,
            }
            if done["package"] or dry_run:
                done["files"] = [] if done["package"] else sorted(model.files)
                return {**done, "approval": self._approval(done["package"])}
            self._put(f"{folder}/{ARCHIVE}", archive, digest)
        done["files"].append(ARCHIVE)
        for name in sorted(set(model.files) - {ARCHIVE}):
            done["files" if self._copy(model, name, folder) else "not_copied"].append(name)
        self._put_text(f"{folder}/{LINEAGE}", _lineage(model, digest, self.settings))
        done["package"] = self._register(model, digest, folder, done["files"])
        return {**done, "created": True, "approval": self.settings.approval}

    def _fetch(self, model: SourceModel, archive: IO[bytes]) -> str:
        """Read the archive; its SHA-256."""
        found = self.source_s3.get_object(
            Bucket=model.bucket,
            Key=model.files[ARCHIVE],
            ExpectedBucketOwner=self.settings.source_account,
        )
        digest = hashlib.sha256()
        for chunk in iter(lambda: found["Body"].read(_CHUNK), b""):
            digest.update(chunk)
            archive.write(chunk)
        return digest.hexdigest()

    def _copy(self, model: SourceModel, name: str, folder: str) -> bool:
        """Copy a report; False if the source has deleted it (runs/ expires)."""
        try:
            found = self.source_s3.get_object(
                Bucket=model.bucket,
                Key=model.files[name],
                ExpectedBucketOwner=self.settings.source_account,
            )
        except self.source_s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise
            return False
        with tempfile.TemporaryFile() as file:
            digest = hashlib.sha256()
            for chunk in iter(lambda: found["Body"].read(_CHUNK), b""):
                digest.update(chunk)
                file.write(chunk)
            self._put(f"{folder}/{name}", file, digest.hexdigest())
        return True

    def _put(self, key: str, file: IO[bytes], digest: str) -> None:
        """Write an object; S3 refuses it where other bytes arrive."""
        file.seek(0)
        self.s3.put_object(
            Bucket=self.settings.artifacts_bucket,
            Key=key,
            Body=file,
            ChecksumSHA256=_base64(digest),
        )

    def _put_text(self, key: str, text: str) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(text.encode())
            self._put(key, file, hashlib.sha256(text.encode()).hexdigest())

    def _packages(self) -> Iterator[Mapping[str, Any]]:
        pages = self.sagemaker.get_paginator("list_model_packages")
        for page in pages.paginate(ModelPackageGroupName=self.settings.group):
            yield from page["ModelPackageSummaryList"]

    def _registered(self, digest: str) -> str:
        """The package of this archive, as an earlier promotion described it; else empty."""
        mark = _mark(digest)
        return next(
            (
                str(one["ModelPackageArn"])
                for one in self._packages()
                if one.get("ModelPackageDescription", "").endswith(mark)
            ),
            "",
        )

    def _approval(self, package: str) -> str:
        if not package:
            return self.settings.approval
        described = self.sagemaker.describe_model_package(ModelPackageName=package)
        return str(described["ModelApprovalStatus"])

    def _register(self, model: SourceModel, digest: str, folder: str, copied: list[str]) -> str:
        """Register the copy, with this environment's own approval; the package's ARN."""
        here = f"s3://{self.settings.artifacts_bucket}/{folder}"
        settings = self.settings
        created = self.sagemaker.create_model_package(
            ModelPackageGroupName=settings.group,
            ModelPackageDescription=(
                f"Version {model.version} of {settings.source}; {_mark(digest)}"
            ),
            ModelApprovalStatus=settings.approval,
            # Two deliveries of one event at the same time register one package.
            ClientToken=hashlib.sha256(
                f"{digest}{len(list(self._packages()))}".encode()
            ).hexdigest()[:36],
            InferenceSpecification={
                **model.inference,
                "Containers": [
                    {"Image": settings.image, "ModelDataUrl": f"{here}/{ARCHIVE}"},
                ],
            },
            **(
                {
                    "ModelMetrics": {
                        "ModelQuality": {
                            "Statistics": {
                                "ContentType": "application/json",
                                "S3Uri": f"{here}/{EVALUATION}",
                            }
                        }
                    }
                }
                if EVALUATION in copied
                else {}
            ),
            CustomerMetadataProperties={
                **model.metadata,
                **{key: f"{here}/{name}" for key, name in REPORTS.items() if name in copied},
                "archive_digest": digest,
                "lineage": f"{here}/{LINEAGE}",
                "promoted_from": settings.source,
                "promoted_package": model.arn[:_TEXT],
            },
        )
        return str(created["ModelPackageArn"])


def _mark(digest: str) -> str:
    return f"archive {digest}"


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()


def _verify(archive: IO[bytes], digest: str, model: SourceModel) -> None:
    """The archive is the one that was evaluated, by the digest that the registry has of it."""
    registered = model.metadata.get("archive_digest")
    if registered:
        found, what = digest, "archive"
    elif registered := model.metadata.get("model_digest"):
        # Packages of earlier versions name the digest of the file inside only.
        found, what = _model_digest(archive), "model.onnx in the archive"
    else:
        raise PromotionError(f"{model.arn} names no digest of its model: train again")
    if found != registered:
        raise PromotionError(
            f"the {what} of {model.arn} has SHA-256 {found}, but {registered} was evaluated and "
            "approved: train again"
        )


def _model_digest(archive: IO[bytes]) -> str:
    archive.seek(0)
    digest = hashlib.sha256()
    try:
        with tarfile.open(fileobj=archive, mode="r:gz") as tar:
            member = tar.extractfile("model.onnx")
            for chunk in iter(lambda: member.read(_CHUNK) if member else b"", b""):
                digest.update(chunk)
    except (KeyError, tarfile.TarError, OSError, EOFError) as error:
        raise PromotionError(f"the file is not a model archive: {error}") from error
    return digest.hexdigest()


def _lineage(model: SourceModel, digest: str, settings: Settings) -> str:
    """Where the model comes from, for people: nothing reads it."""
    document = {
        "environment": settings.source,
        "account": settings.source_account,
        "region": settings.source_region,
        "package": model.arn,
        "version": model.version,
        "archive_digest": digest,
        "files": {name: f"s3://{model.bucket}/{key}" for name, key in model.files.items()},
        "metadata": dict(model.metadata),
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"
