# SPDX-License-Identifier: Apache-2.0
"""Services that act for a role: EventBridge, Step Functions, IoT rules, Firehose, Greengrass."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from edge_testing.enforcing import ACCOUNT, REGION, allow

BUCKET = "enforced-services"
GREENGRASS = f"arn:aws:greengrass:{REGION}:{ACCOUNT}"
IOT = f"arn:aws:iot:{REGION}:{ACCOUNT}"


def trusting(service: str) -> dict[str, Any]:
    return {
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }


@pytest.fixture(scope="module")
def function(root: Any, new_role: Any) -> str:
    """A function that says hello; its role may write its log."""
    role = new_role(
        allow("logs:CreateLogStream", "logs:PutLogEvents", on="arn:aws:logs:*:*:log-group:*"),
        trust=trusting("lambda"),
    )
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("hello.py", "def handler(event, context):\n    return 'hello'\n")
    made = root.client("lambda").create_function(
        FunctionName="hello",
        Runtime="python3.11",
        Role=role,
        Handler="hello.handler",
        Code={"ZipFile": code.getvalue()},
    )
    return str(made["FunctionArn"])


def run_machine(root: Any, name: str, function: str, role: str) -> dict[str, Any]:
    states = root.client("stepfunctions")
    machine = states.create_state_machine(
        name=name,
        roleArn=role,
        definition=json.dumps(
            {
                "StartAt": "Ask",
                "States": {
                    "Ask": {
                        "Type": "Task",
                        "Resource": "arn:aws:states:::lambda:invoke",
                        "Parameters": {"FunctionName": function, "Payload": {}},
                        "End": True,
                    }
                },
            }
        ),
    )["stateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]
    for _ in range(200):
        found = states.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING":
            return dict(found)
        time.sleep(0.1)
    raise AssertionError("the state machine did not end")


@pytest.mark.parametrize("may", [True, False])
def test_a_state_machine_invokes_as_its_role(
    root: Any, new_role: Any, function: str, may: bool
) -> None:
    rights = [allow("lambda:InvokeFunction", on=function)] if may else []
    role = new_role(*rights, trust=trusting("states"))
    ended = run_machine(root, f"machine-{may}", function, role)
    assert ended["status"] == ("SUCCEEDED" if may else "FAILED")
    if not may:
        assert "lambda:InvokeFunction" in ended["cause"]


@pytest.mark.parametrize(
    ("service", "right", "starts"),
    [
        ("events", "states:StartExecution", True),
        ("events", "states:StopExecution", False),
        ("states", "states:StartExecution", False),
    ],
)
def test_a_rule_starts_its_target_as_its_role(
    root: Any,
    new_role: Any,
    function: str,
    decisions: Any,
    *,
    service: str,
    right: str,
    starts: bool,
) -> None:
    name = f"{service}-{right.rpartition(':')[2]}"
    run_machine(
        root,
        name,
        function,
        new_role(allow("lambda:InvokeFunction", on=function), trust=trusting("states")),
    )
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"
    events, states = root.client("events"), root.client("stepfunctions")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [f"test.{name}"]}))
    role = new_role(allow(right, on=machine), trust=trusting(service))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": machine, "RoleArn": role}])
    events.put_events(Entries=[{"Source": f"test.{name}", "DetailType": "t", "Detail": "{}"}])
    wanted = 2 if starts else 1
    for _ in range(30):
        started = states.list_executions(stateMachineArn=machine)["executions"]
        if len(started) == 2:
            break
        time.sleep(0.1)
    assert len(started) == wanted
    denied = [line["action"] for line in decisions() if line["decision"] == "deny"]
    assert bool(denied) is not starts


@pytest.mark.parametrize("may", [True, False])
def test_a_rule_writes_to_firehose_and_firehose_to_s3_as_their_roles(
    root: Any, aws: Any, new_role: Any, decisions: Any, may: bool
) -> None:
    bucket, name = f"{BUCKET}-{str(may).lower()}", f"stream-{may}"
    root.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    on_bucket = ("GetBucketLocation", "ListBucket", "ListBucketMultipartUploads")
    delivery = new_role(
        allow("s3:GetObject", *(["s3:PutObject"] if may else []), on=f"arn:aws:s3:::{bucket}/*"),
        allow(*(f"s3:{action}" for action in on_bucket), on=f"arn:aws:s3:::{bucket}"),
        trust=trusting("firehose"),
    )
    stream = root.client("firehose").create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "RoleARN": delivery,
            "Prefix": "in/",
        },
    )["DeliveryStreamARN"]
    role = new_role(allow("firehose:PutRecord", on=stream), trust=trusting("iot"))
    root.client("iot").create_topic_rule(
        ruleName=f"rule_{may}",
        topicRulePayload={
            "sql": f"SELECT * FROM 'enforced/{may}'",  # noqa: S608 - IoT SQL
            "awsIotSqlVersion": "2016-03-23",
            "actions": [{"firehose": {"deliveryStreamName": name, "roleArn": role}}],
        },
    )
    root.client("iot-data").publish(topic=f"enforced/{may}", qos=1, payload=b'{"a": 1}')
    found: list[Any] = []
    for _ in range(30):
        found = root.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
        if found:
            break
        time.sleep(0.1)
    assert bool(found) is may
    denied = [line["action"] for line in decisions() if line["decision"] == "deny"]
    assert bool(denied) is not may
    assert set(denied) <= {"s3:PutObject"}


RECIPE = {
    "RecipeFormatVersion": "2020-01-25",
    "ComponentName": "test.Enforced",
    "ComponentVersion": "1.0.0",
    "Manifests": [{"Artifacts": [{"Uri": f"s3://{BUCKET}-components/model"}]}],
}
READ = allow("s3:GetObject", on=f"arn:aws:s3:::{BUCKET}-components/*")


@pytest.mark.parametrize(
    ("resource", "reads", "may"),
    [
        ("components:test.Enforced:versions:*", True, False),
        ("components:test.Enforced", False, False),
        ("components:test.Enforced", True, True),
    ],
)
def test_a_component_version_is_made_with_a_right_on_the_component(
    root: Any, person: Any, resource: str, reads: bool, may: bool
) -> None:
    bucket = f"{BUCKET}-components"
    s3 = root.client("s3")
    if bucket not in [item["Name"] for item in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=bucket, Key="model", Body=b"x")
    rights = [allow("greengrass:CreateComponentVersion", on=f"{GREENGRASS}:{resource}")]
    someone = person(*rights, *([READ] if reads else [])).client("greengrassv2")
    recipe = json.dumps(RECIPE).encode()
    if may:
        someone.create_component_version(inlineRecipe=recipe)
    else:
        wanted = "CreateComponentVersion" if reads else "s3:GetObject"
        with pytest.raises(ClientError, match=wanted):
            someone.create_component_version(inlineRecipe=recipe)


DEPLOY = [
    allow("greengrass:CreateDeployment"),
    allow("iot:CreateJob", "iot:DescribeThingGroup", on=f"{IOT}:thinggroup/enforced"),
    allow("iot:CreateJob", "iot:DescribeJob", "iot:CancelJob", "iot:UpdateJob", on=f"{IOT}:job/*"),
]


@pytest.mark.parametrize("lacks", [None, 0, 1, 2])
def test_a_deployment_needs_the_jobs_behind_it(root: Any, person: Any, lacks: int | None) -> None:
    iot = root.client("iot")
    groups = [item["groupName"] for item in iot.list_thing_groups()["thingGroups"]]
    if "enforced" not in groups:
        iot.create_thing_group(thingGroupName="enforced")
    rights = [right for number, right in enumerate(DEPLOY) if number != lacks]
    someone = person(*rights).client("greengrassv2")
    target = f"{IOT}:thinggroup/enforced"
    if lacks is None:
        someone.create_deployment(targetArn=target, components={})
    else:
        with pytest.raises(ClientError, match="not authorized"):
            someone.create_deployment(targetArn=target, components={})


def test_a_recipe_that_cannot_be_read_is_a_right_on_nothing(person: Any, decisions: Any) -> None:
    someone = person(
        allow("greengrass:CreateComponentVersion", on=f"{GREENGRASS}:components:test.Enforced")
    ).client("greengrassv2")
    with pytest.raises(ClientError, match="CreateComponentVersion"):
        someone.create_component_version(inlineRecipe=b"not a recipe")
    assert f"{GREENGRASS}:components:null" in [line["resource"] for line in decisions()]
