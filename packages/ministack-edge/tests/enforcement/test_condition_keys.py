# SPDX-License-Identifier: Apache-2.0
"""Condition keys that ministack leaves out of requests."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from edge_testing.enforcing import allow

OWN = allow("cloudwatch:PutMetricData") | {
    "Condition": {"StringEquals": {"cloudwatch:namespace": "Mine"}}
}


def test_who_may_write_to_one_namespace_may_not_write_to_another(person: Any) -> None:
    cloudwatch = person(OWN).client("cloudwatch")
    data = [{"MetricName": "Cameras", "Value": 1}]
    cloudwatch.put_metric_data(Namespace="Mine", MetricData=data)
    with pytest.raises(ClientError, match="cloudwatch:PutMetricData"):
        cloudwatch.put_metric_data(Namespace="Theirs", MetricData=data)
