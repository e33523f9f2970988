# SPDX-License-Identifier: Apache-2.0
"""`make deploy` asks for the insights stack first where an environment stops training."""

import json

import boto3
import pytest

from tests.promotion.conftest import Exchange
from tools.before_deploy import look

pytestmark = pytest.mark.xdist_group("promotion")

TOPIC = {"Type": "AWS::SNS::Topic"}


def test_what_still_watches_the_pipeline_is_named(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = exchange.settings["prod"].model_copy(
        update={"account": "666666666666", "prefix": "binsight-switch", "removal": "destroy"}
    )
    environment = exchange.aws.client_environment(account=settings.account, region=settings.region)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    session = boto3.Session(region_name=settings.region)
    assert list(look(session, settings)) == []
    deployed = {
        "training": {"Outputs": {"PipelineName": {"Value": "p"}}, "Resources": {"One": TOPIC}},
        "insights": {"Resources": {"AlertsTrainingFailed1234": TOPIC}},
    }
    cloudformation = session.client("cloudformation")
    for stack, template in deployed.items():
        name = f"{settings.prefix}-{stack}"
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
    [said] = look(session, settings)
    assert "binsight-switch-insights still watches the pipeline" in said
    own = settings.training.model_copy(update={"source": None})
    assert list(look(session, settings.model_copy(update={"training": own}))) == []
