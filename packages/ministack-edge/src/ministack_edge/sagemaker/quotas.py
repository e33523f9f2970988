# SPDX-License-Identifier: Apache-2.0
"""How many machines of each type an account may use at once, as Service Quotas and SageMaker say.

A new account often has none of a type. The rehearsal's setting QUOTA says which; every other quota
is large enough here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ministack.core.responses import get_account_id, get_region

from ministack_edge import ministack_patches
from ministack_edge.protocol import (
    AwsError,
    Document,
    arn,
    json_service,
    page,
    require,
    short_id,
    with_token,
)
from ministack_edge.sagemaker.quota_names import codes
from ministack_edge.server_config import config

ENOUGH = 20
_lock = threading.Lock()
_used: dict[tuple[str, str, str], int] = {}


@contextmanager
def machines(kind: str, arguments: Mapping[str, Any]) -> Iterator[None]:
    """Count the machines of a job while it runs. Raises what creating it answers if too many."""
    name, count = _asked(kind, arguments)
    key, limit = (get_account_id(), get_region(), name), config.quotas.get(name, ENOUGH)
    with _lock:
        used = _used.get(key, 0)
        if used + count > limit:
            raise AwsError(
                "ResourceLimitExceeded",
                f"ClientError: Failed to invoke sagemaker:Create{kind}Job. Error Details: The "
                f"account-level service limit '{name}' is {limit} Instances, with current "
                f"utilization of {used} Instances and a request delta of {count} Instances. Please "
                "use AWS Service Quotas to request an increase for this quota. If AWS Service "
                "Quotas is not available, contact AWS support to request an increase for this "
                "quota.",
            )
        _used[key] = used + count
    try:
        yield
    finally:
        with _lock:
            _used[key] -= count


def _asked(kind: str, arguments: Mapping[str, Any]) -> tuple[str, int]:
    if kind == "Training":
        cluster = arguments.get("ResourceConfig") or {}
        use = "spot training job" if arguments.get("EnableManagedSpotTraining") else "training job"
    else:
        cluster = (arguments.get("ProcessingResources") or {}).get("ClusterConfig") or {}
        use = "processing job"
    name = f"{cluster.get('InstanceType', '')} for {use} usage"
    return name, int(cluster.get("InstanceCount", 1))


def _quota(name: str) -> Document:
    code = codes()[name]
    return {
        "ServiceCode": "sagemaker",
        "ServiceName": "Amazon SageMaker",
        "QuotaArn": arn("servicequotas", f"sagemaker/{code}"),
        "QuotaCode": code,
        "QuotaName": name,
        "Value": float(config.quotas.get(name, ENOUGH)),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


def _list(request: Document) -> Document:
    require(request, "ServiceCode")
    if request["ServiceCode"] != "sagemaker":
        raise AwsError("NoSuchResourceException", "The local AWS has quotas of sagemaker only")
    size, token = request.get("MaxResults"), request.get("NextToken")
    names, following = page(list(codes()), size=size, token=token)
    return with_token({"Quotas": [_quota(name) for name in names]}, "NextToken", following)


def _ask_for_more(request: Document) -> Document:
    require(request, "ServiceCode", "QuotaCode", "DesiredValue")
    names = {code: name for name, code in codes().items()}
    if request["QuotaCode"] not in names:
        raise AwsError("NoSuchResourceException", f"No quota {request['QuotaCode']} of sagemaker")
    asked = {**_quota(names[request["QuotaCode"]]), "DesiredValue": request["DesiredValue"]}
    return {"RequestedQuota": {**asked, "Id": short_id(), "Status": "PENDING"}}


def install() -> None:
    """Offer the Service Quotas API, as far as SageMaker's machines are concerned."""
    operations: dict[str, Callable[[Document], Document | None]] = {
        "ListServiceQuotas": _list,
        "RequestServiceQuotaIncrease": _ask_for_more,
    }
    ministack_patches.add_service(
        "servicequotas", json_service(operations), target_prefix="ServiceQuotasV20190624."
    )
