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


def test_who_may_send_events_of_one_source_may_send_no_others(person: Any) -> None:
    only = {"StringEquals": {"events:source": "mine", "events:detail-type": "arrived"}}
    events = person(allow("events:PutEvents", when=only)).client("events")
    own = {"Source": "mine", "DetailType": "arrived", "Detail": "{}"}
    assert events.put_events(Entries=[own, own])["FailedEntryCount"] == 0
    for other in ({**own, "Source": "theirs"}, {**own, "DetailType": "left"}):
        for entries in ([other], [own, other]):
            with pytest.raises(ClientError, match="events:PutEvents"):
                events.put_events(Entries=entries)
