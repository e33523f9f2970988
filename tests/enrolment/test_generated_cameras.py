# SPDX-License-Identifier: Apache-2.0
"""Generated cameras of the fleet rehearsal: real clients, whose items survive a power cut."""

import json
import time
from collections import Counter

import pytest

from contracts.bins import BinPolicy
from rehearsal.fleet.sites import SiteProcess, Truth

REGION, PREFIX = "eu-central-1", "binsight"
TEMPLATE = f"{PREFIX}-provision"


@pytest.fixture(scope="module")
def arrived(client_of, account, iot):
    """Lists the keys of all detections that arrived: ``thing/number/`` and the copy's own name."""
    iam, s3 = client_of("iam"), client_of("s3")
    s3.create_bucket(Bucket="arrivals", CreateBucketConfiguration={"LocationConstraint": REGION})
    role = iam.get_role(RoleName="provisioning")["Role"]["Arn"]
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    iam.put_role_policy(
        RoleName="provisioning",
        PolicyName="bucket",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
    )
    key = "${topic(2)}/${sequence}/${newuuid()}"
    iot.create_topic_rule(
        ruleName="arrivals",
        topicRulePayload={
            "sql": "SELECT * FROM 'binsight/+/detections'",
            "actions": [{"s3": {"roleArn": role, "bucketName": "arrivals", "key": key}}],
            "awsIotSqlVersion": "2016-03-23",
        },
    )

    def keys():
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="arrivals")
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    return keys


def test_generated_cameras_lose_their_power_and_no_item_that_was_on_a_disk(
    aws, endpoint, claim, arrived, tmp_path
):
    truth = Truth()
    site = SiteProcess(
        {
            "seed": 1,
            "mqtt_port": aws.mqtt_port,
            "root_ca": str(endpoint.root_ca),
            "claim": [str(claim.certificate), str(claim.key)],
            "prefix": PREFIX,
            "template": TEMPLATE,
            "nucleus": "java",
            "topic_prefix": "binsight",
            "bins": BinPolicy({}).to_json(),
            "cameras": {0: "site-0", 1: "site-1", 2: "site-2"},
            "folder": str(tmp_path),
        },
        tmp_path / "site.json",
        truth.hear,
    )
    try:
        site.start()
        assert site.ask("enrol") == {"failed": {}}
        assert site.ask("play", first=0, last=60) == {"failed": {}}
        site.order("play", first=60, last=600)
        time.sleep(0.2)
        site.cut_power()
        site.start()
        assert site.ask("enrol") == {"failed": {}}
        assert site.ask("drain", numbers=[0, 1, 2], timeout=30) == {"waiting": {}}
        site.ask("stop")
    finally:
        site.cut_power()
    deadline = time.monotonic() + 30
    sent = {f"{thing}/{number}" for thing, put in truth.by_thing.items() for number in put.safe}
    while sent - (found := {key.rpartition("/")[0] for key in arrived()}):
        assert time.monotonic() < deadline, sent - found
        time.sleep(0.2)
    assert len(truth.things) == 3
    assert len(sent) > 20
    # One that was under way when the power went may come again.
    copies = Counter(key.rpartition("/")[0] for key in arrived())
    assert max(copies.values()) <= 2, copies
