# SPDX-License-Identifier: Apache-2.0
"""The whole state machine on the local AWS; its function is a stand-in that answers by a plan."""

import io
import json
import time
import zipfile

import pytest

from infra.edge.rollout_definition import rollout_definition
from ministack_edge.process import LocalAws, free_port
from rehearsal.aws_client import Cloud
from tests.rollout.conftest import ACCOUNT, REGION

PACKAGE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/models/1"
# The first look of a bake is given null; each later one what the one before answered.
FUNCTION = """
LAST = {last!r}

def handler(event, context):
    action = event["action"]
    if action == "check":
        answer = {{"status": "SUCCEEDED", "reason": "", "wait_seconds": 1}}
        return {{**answer, "deployment_id": event["deployment_id"]}}
    if action == "look":
        looks = int(event["memory"] or 0) + 1
        assert event["past"] == "before"
        if looks == 3 and LAST == "raises":
            raise ValueError("no look")
        assert event["started_at"] == "start"
        answer = {{"memory": str(looks)}}
        status = LAST if looks == 3 else "RUNNING"
        return {{**answer, "status": status, "reason": f"look {{looks}}"}}
    known = dict.fromkeys(
        ("version", "digest", "archive_uri", "adopt_uri", "deployment_id", "previous_version"), "x"
    )
    return {{**known, "started_at": "start", "past": "before"}}
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with LocalAws(port=free_port(), work=tmp_path_factory.mktemp("aws"), enforce=False) as aws:
        yield Cloud(endpoint=aws.endpoint, account=ACCOUNT, region=REGION, prefix="binsight-dev")


def run(cloud, last):
    """The status, the cause and the states of a rollout whose third look at the canaries answers
    ``last``."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("steps.py", FUNCTION.format(last=last))
    role = f"arn:aws:iam::{ACCOUNT}:role/steps"
    function = cloud.client("lambda").create_function(
        FunctionName=f"steps-{last}",
        Runtime="python3.11",
        Role=role,
        Handler="steps.handler",
        Code={"ZipFile": code.getvalue()},
    )["FunctionArn"]
    definition = rollout_definition(
        function_arn=function, look_seconds=1, bake_minutes=1, timeout_minutes=1
    )
    states = cloud.client("stepfunctions")
    machine = states.create_state_machine(
        name=f"rollout-{last}", roleArn=role, definition=json.dumps(definition)
    )["stateMachineArn"]
    execution = states.start_execution(
        stateMachineArn=machine, input=json.dumps({"detail": {"ModelPackageArn": PACKAGE}})
    )["executionArn"]
    for _ in range(300):
        found = states.describe_execution(executionArn=execution)
        if found["status"] != "RUNNING":
            break
        time.sleep(0.1)
    pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for page in pages
        for event in page["events"]
        if "stateEnteredEventDetails" in event
    ]
    return found["status"], found.get("cause", ""), entered


def test_well_canaries_let_the_model_on_to_the_fleet(cloud):
    status, _, entered = run(cloud, "SUCCEEDED")
    assert (status, entered.count("Look"), entered.count("WaitLook")) == ("SUCCEEDED", 3, 2)
    assert "DeployFleet" in entered
    assert "RestoreCanary" not in entered


@pytest.mark.parametrize(("last", "said"), [("FAILED", "look 3"), ("raises", "no look")])
def test_unwell_canaries_get_the_earlier_model_back(cloud, last, said):
    status, cause, entered = run(cloud, last)
    assert status == "FAILED"
    assert said in cause
    assert entered[-2:] == ["RestoreCanary", "Failed"]
    assert "DeployFleet" not in entered
