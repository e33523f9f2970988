# SPDX-License-Identifier: Apache-2.0
"""Who may not read staging's models, and what those who may read them may not read."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.aws_client import Cloud
from rehearsal.people import settle
from tests.promotion.conftest import STRANGER, Exchange, until
from tests.promotion.models import approve, of_content, register

pytestmark = pytest.mark.xdist_group("promotion")

READER = "arn:aws:iam::222222222222:role/binsight-staging-models-us-west-2"
PROD_BUS = "arn:aws:events:eu-west-1:333333333333:event-bus/binsight-prod-promotion"
NAME = "binsight-prod-promotion-eu-west-1"
"""The name of the role in prod's account that staging trusts."""


class Stranger:
    """An account that nobody named, whose administrator may do everything there."""

    def __init__(self, exchange: Exchange) -> None:
        endpoint = exchange.aws.endpoint
        place = {"account": STRANGER, "region": "us-west-2", "prefix": "binsight-x"}
        people = settle(endpoint=endpoint, **place)
        self._cloud = Cloud(endpoint=endpoint, person=people.administrator, **place)

    def client(self, service: str) -> Any:
        return self._cloud.client(service)

    def role(self, name: str, trusted: dict[str, str], action: str) -> str:
        """Make a role that may do one thing everywhere; its ARN."""
        iam = self.client("iam")
        statement = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(statement))
        allowed = {"Effect": "Allow", "Action": action, "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="one", PolicyDocument=_document(allowed))
        return str(arn["Role"]["Arn"])

    def become(self, role: str) -> None:
        """Act as a role of the account from now on."""
        self._cloud = self._cloud.in_role(role, "stranger")


@pytest.fixture(scope="module")
def stranger(exchange: Exchange) -> Stranger:
    return Stranger(exchange)


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def refused(call: Any, **given: Any) -> str:
    """The code with which a call is refused; AssertionError where it is answered."""
    with pytest.raises(ClientError) as error:
        call(**given)
    return str(error.value.response["Error"]["Code"])


def test_an_event_of_a_fourth_account_starts_nothing(
    exchange: Exchange, stranger: Stranger
) -> None:
    sender = stranger.role(
        "binsight-staging-approvals-us-west-2",
        {"Service": "events.amazonaws.com"},
        "events:PutEvents",
    )
    events, sagemaker = stranger.client("events"), stranger.client("sagemaker")
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["aws.sagemaker"]}))
    events.put_targets(Rule="all", Targets=[{"Id": "1", "Arn": PROD_BUS, "RoleArn": sender}])
    sagemaker.create_model_package_group(ModelPackageGroupName="binsight-staging-models")
    sagemaker.create_model_package(
        ModelPackageGroupName="binsight-staging-models", ModelApprovalStatus="Approved"
    )
    [decision] = until(lambda: exchange.decisions(principal=sender, action="events:PutEvents"))
    assert (decision["decision"], decision["resource"]) == ("deny", PROD_BUS)


def test_a_fourth_account_may_not_read_models_whatever_it_calls_its_role(
    stranger: Stranger,
) -> None:
    stranger.become(stranger.role(NAME, {"AWS": f"arn:aws:iam::{STRANGER}:root"}, "sts:AssumeRole"))
    given = {"RoleArn": READER, "RoleSessionName": "stranger"}
    assert refused(stranger.client("sts").assume_role, **given) == "AccessDenied"


def test_no_other_role_of_an_account_that_takes_models_may_read_them(exchange: Exchange) -> None:
    sts = exchange.client("sts", "prod")
    assert refused(sts.assume_role, RoleArn=READER, RoleSessionName="stranger") == "AccessDenied"


def test_photos_stay_where_they_are(exchange: Exchange) -> None:
    content = b"names a photo as its report"
    approve(exchange, register(exchange, content, data_report="prepared/photos/1.jpg"))
    [found] = until(lambda: of_content(exchange, "second", content))
    assert "data_report" not in found["CustomerMetadataProperties"]
    decisions = exchange.decisions(principal=READER, action="s3:GetObject", decision="deny")
    assert any(one["resource"].endswith("/prepared/photos/1.jpg") for one in decisions)
