# SPDX-License-Identifier: Apache-2.0
"""A model's description in the source environment, and the places of its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from promotion.settings import PromotionError, Settings

ARCHIVE, EVALUATION = "model.tar.gz", "evaluation.json"
REPORTS = {
    "report": "evaluation-report.html",
    "data_report": "data-report.html",
    "training_report": "training-report.tar.gz",
}
"""Metadata of a package that names a report, and what its copy is called."""


@dataclass(frozen=True, kw_only=True)
class SourceModel:
    """An approved model package of the source environment.

    ``files`` are the places of its files in S3 by the name that a copy gets; the archive is one.
    """

    arn: str
    version: int
    metadata: Mapping[str, str]
    inference: Mapping[str, Any]
    bucket: str
    files: Mapping[str, str]


def find(sagemaker: Any, settings: Settings, *, arn: str = "", version: int = 0) -> SourceModel:
    """The package with this ARN or version; without either, the newest that is approved.

    Raises PromotionError unless it is an approved package of the source's group.
    """
    name = arn or (settings.source_package(version) if version else _newest(sagemaker, settings))
    if name.rpartition("/")[0] != settings.source_package(1).rpartition("/")[0]:
        raise PromotionError(
            f"{name}: allowed: a version of {settings.source_group} in account "
            f"{settings.source_account}, {settings.source_region}"
        )
    try:
        described = sagemaker.describe_model_package(ModelPackageName=name)
    except sagemaker.exceptions.ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise PromotionError(
            f"{settings.source} has no model version {name.rpartition('/')[2]}"
        ) from error
    status = described.get("ModelApprovalStatus")
    if status != "Approved":
        raise PromotionError(
            f"version {described['ModelPackageVersion']} of {settings.source} is {status}: only "
            f"an Approved model is promoted; approve it in {settings.source} first"
        )
    return _model(described)


def _newest(sagemaker: Any, settings: Settings) -> str:
    found = sagemaker.list_model_packages(
        ModelPackageGroupName=settings.source_group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    if not found:
        raise PromotionError(f"{settings.source} has no approved model yet")
    return str(found[0]["ModelPackageArn"])


def _model(described: Mapping[str, Any]) -> SourceModel:
    containers = described.get("InferenceSpecification", {}).get("Containers", [])
    metadata = dict(described.get("CustomerMetadataProperties", {}))
    quality = described.get("ModelMetrics", {}).get("ModelQuality", {})
    places = {
        ARCHIVE: containers[0].get("ModelDataUrl", "") if containers else "",
        EVALUATION: quality.get("Statistics", {}).get("S3Uri", ""),
        **{name: metadata.get(key, "") for key, name in REPORTS.items()},
    }
    arn = str(described["ModelPackageArn"])
    bucket, _ = _place(places[ARCHIVE], arn)
    files = {}
    for name, uri in places.items():
        if not uri:
            continue
        own, key = _place(uri, arn)
        if own != bucket:
            raise PromotionError(f"{arn}: {uri} is not in s3://{bucket} like the model")
        files[name] = key
    return SourceModel(
        arn=arn,
        version=int(described["ModelPackageVersion"]),
        metadata={key: str(value) for key, value in metadata.items() if key not in REPORTS},
        inference=described["InferenceSpecification"],
        bucket=bucket,
        files=files,
    )


def _place(uri: str, arn: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    key = parts.path.lstrip("/")
    if parts.scheme != "s3" or not parts.netloc or not key:
        raise PromotionError(f"{arn}: {uri!r} is not an S3 URI")
    return parts.netloc, key
