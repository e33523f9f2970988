# SPDX-License-Identifier: Apache-2.0
"""What happens seldom: a kit that expires, trainings that are stopped, rules that fail.

`make permissions` goes through it, so that the roles use their rights as they would on AWS.
"""

import json
import time
from typing import Any

from rehearsal.account import Account
from rehearsal.account_stages import Outputs, operator_of
from rehearsal.aws_client import Cloud, until
from rehearsal.cameras import Cameras
from rehearsal.enrolment import make_kit
from rehearsal.errors import RehearsalError
from rehearsal.permissions.coverage import Refusal
from rehearsal.schedules import run_schedules

STAGE = "failing rules"
_DAY = 86_400
_PATIENCE_SECONDS = 120.0
_JOB_STARTS_SECONDS = 2.0
"""A step is executing a moment before its job has started."""


def is_expected(refusal: Refusal) -> bool:
    """Whether AWS IoT should be refused: a function that is gone has no policy for it any more."""
    # While the environment is destroyed the other camera disconnects, which a rule hears of.
    after = (STAGE, "destroy")
    by_iot = refusal.principal == "iot.amazonaws.com"
    return refusal.stage in after and by_iot and refusal.action == "lambda:InvokeFunction"


def happen(account: Account, outputs: Outputs, cameras: Cameras, execution: str) -> None:
    """Go through all of it, right before the end. Raises RehearsalError where nothing comes of it.

    ``execution`` is the pipeline's that trained. What the rules need is deleted afterwards.
    """
    operator, stages = account.cloud(account.people.operator), account.stages
    # Root stands in for the clock, and for somebody who deletes by mistake.
    root = Cloud(
        endpoint=account.aws.endpoint,
        account=account.settings.account,
        region=account.settings.region,
        prefix=account.settings.prefix,
    )
    with stages.stage("expiry", "an enrolment kit soon expires, then it has"):
        _expire(account, root, outputs)
    with stages.stage("stopped trainings", "stop one while it prepares, one while it trains"):
        for step, parameter, value in (("Prepare", "Seed", "99"), ("Train", "Epochs", "3")):
            given = _all(
                root.client("sagemaker"),
                "list_pipeline_parameters_for_execution",
                PipelineExecutionArn=execution,
            )["PipelineParameters"]
            parameters = {one["Name"]: one["Value"] for one in given} | {parameter: value}
            stages.news(_stop(operator, outputs["PipelineName"], step, parameters))
    with stages.stage(STAGE, "what the IoT rules write to is gone"):
        _lose(root, outputs)
        stages.news(f"{len(_failed(root, cameras))} rules wrote to the error log")


def _expire(account: Account, root: Cloud, outputs: Outputs) -> None:
    operator = operator_of(account)
    kit = make_kit(operator, ("rehearsal-late",), account.work / "late", account.aws)
    table, states = root.client("dynamodb"), []
    items = _all(table, "scan", TableName=outputs["CamerasTable"])["Items"]
    [key] = [one["id"] for one in items if one["id"]["S"].startswith(f"kit#{kit.id}")]
    for left in (6 * _DAY + 3600, -3600):
        table.update_item(
            TableName=outputs["CamerasTable"],
            Key={"id": key},
            UpdateExpression="SET expires_at = :at",
            ExpressionAttributeValues={":at": {"N": str(int(time.time()) + left)}},
        )
        run_schedules(root)
        certificate = key["S"].removeprefix("kit#")
        found = root.client("iot").describe_certificate(certificateId=certificate)
        states.append(found["certificateDescription"]["status"])
    if states != ["ACTIVE", "INACTIVE"]:
        raise RehearsalError(f"the claim certificate of a kit was {states} before and after")
    operator.run("tools.cameras", "--retire", "rehearsal-late", "--revoke", kit.id)


def _stop(operator: Cloud, pipeline: str, step: str, parameters: dict[str, str]) -> str:
    """Start the pipeline with these parameters, stop it in a step."""
    sagemaker = operator.client("sagemaker")
    started = sagemaker.start_pipeline_execution(
        PipelineName=pipeline,
        PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
    )["PipelineExecutionArn"]
    for _ in until(_PATIENCE_SECONDS, f"step {step} did not run"):
        steps = _all(sagemaker, "list_pipeline_execution_steps", PipelineExecutionArn=started)
        if any(
            one["StepName"] == step and one["StepStatus"] == "Executing"
            for one in steps["PipelineExecutionSteps"]
        ):
            break
    time.sleep(_JOB_STARTS_SECONDS)
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=started)
    for _ in until(_PATIENCE_SECONDS, f"an execution that was stopped in {step} did not end"):
        described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=started)
        if described["PipelineExecutionStatus"] not in ("Executing", "Stopping"):
            break
    return f"stopped in {step}: {described['PipelineExecutionStatus']}"


def _lose(root: Cloud, outputs: Outputs) -> None:
    """Delete the delivery streams, and the functions that rules call."""
    for name in ("DetectionsDeliveryStream", "TelemetryDeliveryStream"):
        root.client("firehose").delete_delivery_stream(DeliveryStreamName=outputs[name])
    functions = {
        action["lambda"]["functionArn"]
        for rule in _rules(root)
        for action in rule["actions"]
        if "lambda" in action
    }
    for function in functions:
        root.client("lambda").delete_function(FunctionName=function)


def _failed(root: Cloud, cameras: Cameras) -> set[str]:
    """Repeat a camera's last messages and connection until every rule has reported a failure."""
    connection = cameras.fleet.connection
    if connection is None:
        raise RehearsalError("the fleet's camera is not connected: its messages cannot be repeated")
    logs = root.client("logs")
    rules = _rules(root)
    last = {topic: payload for topic, payload in connection.sent if _archived(topic)}
    for topic, payload in last.items():
        connection.publish(topic, payload)
    cameras.canary.stop()  # the presence rule hears of it
    wanted = {rule["ruleName"] for rule in rules}
    groups = {rule["errorAction"]["cloudwatchLogs"]["logGroupName"] for rule in rules}
    for _ in until(_PATIENCE_SECONDS, "not every rule reported that it failed"):
        said = [
            json.loads(event["message"])["ruleName"]
            for group in groups
            for event in _all(logs, "filter_log_events", logGroupName=group)["events"]
        ]
        if wanted <= set(said):
            break
    return wanted


def _archived(topic: str) -> bool:
    return topic.rsplit("/", 1)[-1] in ("detections", "telemetry")


def _rules(root: Cloud) -> list[dict[str, Any]]:
    iot = root.client("iot")
    listed = _all(iot, "list_topic_rules")["rules"]
    return [iot.get_topic_rule(ruleName=one["ruleName"])["rule"] for one in listed]


def _all(client: Any, method: str, **given: Any) -> dict[str, Any]:
    """The answer of a call with all its pages."""
    answer: dict[str, Any] = client.get_paginator(method).paginate(**given).build_full_result()
    return answer
