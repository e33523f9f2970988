# SPDX-License-Identifier: Apache-2.0
"""What `make check-quotas` says about the machines that an environment trains on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.config.settings import load
from ministack_edge.process import LocalAws, free_port
from tools import quotas


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Clients of an account that may train on no ml.m5.xlarge, by service."""
    work: Path = tmp_path_factory.mktemp("small-account")
    none = "ml.m5.xlarge for training job usage=0"
    with LocalAws(port=free_port(), work=work, quota=none, enforce=False) as aws:
        yield lambda service: boto3.client(
            service,
            endpoint_url=aws.endpoint,
            aws_access_key_id="111111111111",
            aws_secret_access_key="local",
            region_name="us-east-1",
        )


def test_the_check_says_what_is_missing_and_how_to_ask_for_it(small):
    with pytest.raises(quotas.QuotaError) as caught:
        quotas.check(small("service-quotas"), load("dev"))
    told = str(caught.value)
    assert "ml.m5.xlarge for training job usage: 0, needed: 1" in told
    assert "processing job usage" not in told
    command = next(line for line in told.splitlines() if "request-service-quota-increase" in line)
    code = command.split("--quota-code ")[1].split()[0]
    answer = small("service-quotas").request_service_quota_increase(
        ServiceCode="sagemaker", QuotaCode=code, DesiredValue=1
    )
    assert answer["RequestedQuota"]["QuotaName"] == "ml.m5.xlarge for training job usage"


def test_spot_has_a_quota_of_its_own(small):
    """staging trains on spot machines, of which the account has enough."""
    found = quotas.check(small("service-quotas"), load("staging"))
    assert [quota.name for quota in found] == [
        "ml.m5.xlarge for processing job usage",
        "ml.m5.xlarge for spot training job usage",
    ]


def test_without_the_right_to_look_it_is_said_and_not_decided():
    denied = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}

    def paginate(**_: str) -> None:
        raise ClientError(denied, "ListServiceQuotas")

    client = SimpleNamespace(get_paginator=lambda _name: SimpleNamespace(paginate=paginate))
    told = quotas.check_or_warn(client, load("dev"))
    assert "not checked" in told
    assert "ml.m5.xlarge for training job usage" in told
