# SPDX-License-Identifier: Apache-2.0
"""SageMaker's model registry: package groups, versioned packages, approval and its event."""

from __future__ import annotations

from typing import Any

from ministack_edge import events, tags
from ministack_edge.protocol import (
    AwsError,
    Document,
    arn,
    iso,
    now,
    page,
    require,
    store,
    with_token,
    without_none,
)

APPROVALS = ("Approved", "Rejected", "PendingManualApproval")

_groups: Any = store()
_packages: Any = store()


def create_group(request: Document) -> Document:
    """CreateModelPackageGroup."""
    require(request, "ModelPackageGroupName")
    name = request["ModelPackageGroupName"]
    if name in _groups:
        raise AwsError(
            "ValidationException", f"Model Package Group already exists: {group_arn(name)}"
        )
    _groups[name] = {
        "ModelPackageGroupName": name,
        "ModelPackageGroupArn": group_arn(name),
        "ModelPackageGroupDescription": request.get("ModelPackageGroupDescription"),
        "CreationTime": now(),
        "CreatedBy": {},
        "ModelPackageGroupStatus": "Completed",
        "_versions": 0,
    }
    tags.put(group_arn(name), request.get("Tags"))
    return {"ModelPackageGroupArn": group_arn(name)}


def group_arn(name: str) -> str:
    """The ARN of a model package group in this account and region."""
    return arn("sagemaker", f"model-package-group/{name}")


def _group(name_or_arn: str) -> Document:
    name = name_or_arn.rpartition("/")[2]
    group: Document | None = _groups.get(name)
    if group is None:
        raise AwsError(
            "ValidationException", f"ModelPackageGroup {group_arn(name)} does not exist."
        )
    return group


def describe_group(request: Document) -> Document:
    """DescribeModelPackageGroup."""
    return _public(_group(request["ModelPackageGroupName"]))


def list_groups(request: Document) -> Document:
    """ListModelPackageGroups, oldest first."""
    found = [
        _public(group)
        for group in sorted(_groups.values(), key=lambda item: item["CreationTime"])
        if request.get("NameContains", "") in group["ModelPackageGroupName"]
    ]
    items, token = page(found, size=request.get("MaxResults"), token=request.get("NextToken"))
    return with_token({"ModelPackageGroupSummaryList": items}, "NextToken", token)


def delete_group(request: Document) -> Document:
    """DeleteModelPackageGroup: refused while it holds packages, as on AWS."""
    group = _group(request["ModelPackageGroupName"])
    name = group["ModelPackageGroupName"]
    if _versions_of(name):
        raise AwsError(
            "ConflictException",
            f"{group_arn(name)} cannot be deleted: it contains model packages",
        )
    _groups.pop(name)
    tags.forget(group_arn(name))
    return {}


def create_package(request: Document) -> Document:
    """CreateModelPackage in a group: the next version, announced with its approval status."""
    require(request, "ModelPackageGroupName")
    group = _group(request["ModelPackageGroupName"])
    approval = request.get("ModelApprovalStatus") or "PendingManualApproval"
    _check_approval(approval)
    name = group["ModelPackageGroupName"]
    group["_versions"] += 1
    version = group["_versions"]
    package_arn = arn("sagemaker", f"model-package/{name}/{version}")
    created = now()
    _packages[package_arn] = without_none(
        {
            **request,
            "ModelPackageGroupName": name,
            "ModelPackageVersion": version,
            "ModelPackageArn": package_arn,
            "CreationTime": created,
            "LastModifiedTime": created,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
            "CertifyForMarketplace": False,
            "ModelApprovalStatus": approval,
            "Tags": None,
        }
    )
    tags.put(package_arn, request.get("Tags"))
    _announce(_packages[package_arn])
    return {"ModelPackageArn": package_arn}


def _package(name_or_arn: str) -> Document:
    package: Document | None = _packages.get(name_or_arn) or _packages.get(
        arn("sagemaker", f"model-package/{name_or_arn}")
    )
    if package is None:
        raise AwsError("ValidationException", f"ModelPackage {name_or_arn} does not exist.")
    return package


def describe_package(request: Document) -> Document:
    """DescribeModelPackage by ARN."""
    package = _package(request["ModelPackageName"])
    return {**package, "ModelPackageName": package["ModelPackageArn"].partition("/")[2]}


def update_package(request: Document) -> Document:
    """UpdateModelPackage: approval and customer metadata; a new approval status is announced."""
    package = _package(request["ModelPackageArn"])
    approval = request.get("ModelApprovalStatus")
    if approval:
        _check_approval(approval)
    changed = approval is not None and approval != package["ModelApprovalStatus"]
    metadata = {
        **package.get("CustomerMetadataProperties", {}),
        **(request.get("CustomerMetadataProperties") or {}),
    }
    for name in request.get("CustomerMetadataPropertiesToRemove") or []:
        metadata.pop(name, None)
    if metadata:
        package["CustomerMetadataProperties"] = metadata
    for name in ("ModelApprovalStatus", "ApprovalDescription"):
        if request.get(name):
            package[name] = request[name]
    package["LastModifiedTime"] = now()
    if changed:
        _announce(package)
    return {"ModelPackageArn": package["ModelPackageArn"]}


def list_packages(request: Document) -> Document:
    """ListModelPackages of a group or of the account, newest first unless told otherwise."""
    group = request.get("ModelPackageGroupName")
    approval = request.get("ModelApprovalStatus")
    found = [
        {
            key: package[key]
            for key in (
                "ModelPackageGroupName",
                "ModelPackageVersion",
                "ModelPackageArn",
                "ModelPackageDescription",
                "CreationTime",
                "ModelPackageStatus",
                "ModelApprovalStatus",
            )
            if key in package
        }
        for package in _packages.values()
        if (not group or package["ModelPackageGroupName"] == group.rpartition("/")[2])
        and (not approval or package["ModelApprovalStatus"] == approval)
    ]
    # Versions of one group can share a millisecond.
    found.sort(key=lambda item: (item["CreationTime"], item["ModelPackageVersion"]))
    if request.get("SortOrder", "Descending") == "Descending":
        found.reverse()
    items, token = page(found, size=request.get("MaxResults"), token=request.get("NextToken"))
    return with_token({"ModelPackageSummaryList": items}, "NextToken", token)


def delete_package(request: Document) -> Document:
    """DeleteModelPackage."""
    package = _package(request["ModelPackageName"])
    _packages.pop(package["ModelPackageArn"])
    tags.forget(package["ModelPackageArn"])
    return {}


def _versions_of(group: str) -> list[Document]:
    return [item for item in _packages.values() if item["ModelPackageGroupName"] == group]


def _check_approval(status: str) -> None:
    if status not in APPROVALS:
        raise AwsError(
            "ValidationException",
            f"Value '{status}' at 'modelApprovalStatus' must be one of {', '.join(APPROVALS)}",
        )


def _announce(package: Document) -> None:
    detail = {
        **package,
        "CreationTime": iso(package["CreationTime"]),
        "LastModifiedTime": iso(package["LastModifiedTime"]),
    }
    events.emit(
        "aws.sagemaker",
        "SageMaker Model Package State Change",
        detail,
        resources=[package["ModelPackageArn"]],
    )


def _public(document: Document) -> Document:
    return {
        key: value
        for key, value in document.items()
        if not key.startswith("_") and value is not None
    }
