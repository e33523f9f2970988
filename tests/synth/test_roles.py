# SPDX-License-Identifier: Apache-2.0
"""A permission that is too wide does not get as far as a template."""

import pytest

from infra.common.permissions import list_objects, read_objects, use_key, write_logs
from infra.common.role import Allow

BUCKET = "arn:aws:s3:::bucket"


@pytest.mark.parametrize("actions", [["s3:*"], ["s3:Get*"], ["*"], []])
def test_actions_are_named_one_by_one(actions: list[str]) -> None:
    with pytest.raises(ValueError, match="name each action"):
        Allow(actions=actions, resources=[BUCKET])


def test_a_statement_is_sorted_and_keeps_its_condition() -> None:
    statement = Allow(
        actions=["s3:PutObject", "s3:GetObject"],
        resources=[BUCKET],
        conditions={"Bool": {"a": "true"}},
    ).to_statement_json()
    assert statement == {
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": BUCKET,
        "Condition": {"Bool": {"a": "true"}},
    }


def test_objects_are_read_below_the_prefixes_only() -> None:
    statement = read_objects(BUCKET, ["runs/*"]).to_statement_json()
    assert statement["Resource"] == f"{BUCKET}/runs/*"
    condition = list_objects(BUCKET, ["runs/*"]).to_statement_json()["Condition"]
    assert condition == {"StringLike": {"s3:prefix": ["runs/*"]}}


def test_a_key_is_used_through_the_named_services_only() -> None:
    condition = use_key("key", "eu-west-1", ["s3"]).to_statement_json()["Condition"]
    assert condition == {"StringEquals": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com"]}}


def test_a_log_group_that_exists_is_not_created() -> None:
    assert "logs:CreateLogGroup" not in write_logs("group").to_statement_json()["Action"]
