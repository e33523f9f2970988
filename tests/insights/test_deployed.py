# SPDX-License-Identifier: Apache-2.0
"""Dev, deployed under enforcement: what cameras send is kept, watched, shown and asked about.

AWS's own metrics (AWS IoT, Firehose, Step Functions) have no local counterpart: they are written by
hand, to see that the deployed alarms hear them.
"""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from infra.config.settings import load
from ministack_edge.process import LocalAws, free_port
from rehearsal.account import Account
from rehearsal.aws_client import Cloud
from rehearsal.commands import Operator
from rehearsal.errors import RehearsalError
from rehearsal.progress import Stages
from rehearsal.report import Report

pytestmark = pytest.mark.xdist_group("insights")
SPEAKS, SILENT, NEVER = "cam-speaks", "cam-silent", "cam-never"


@dataclass
class Deployed:
    """The deployed environment, its account and the root user's clients."""

    account: Account
    cloud: Cloud
    outputs: dict

    def send(self, thing, kind="telemetry", **more):
        message = {"schema": 1, "thing": thing, "reason": "interval", **more}
        self.cloud.client("iot-data").publish(
            topic=f"binsight-dev/{thing}/{kind}", qos=1, payload=json.dumps(message)
        )

    def row(self, thing, kind="telemetry"):
        table = self.outputs["LatestTable"]
        key = {"thing": {"S": thing}, "kind": {"S": kind}}
        return self.cloud.client("dynamodb").get_item(TableName=table, Key=key).get("Item")

    def watch(self):
        functions = self.cloud.client("lambda")
        [name] = [
            one["FunctionName"]
            for one in functions.list_functions()["Functions"]
            if "FleetWatchFunction" in one["FunctionName"]
        ]
        answer = functions.invoke(FunctionName=name)
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return body

    def alarm(self, name):
        """The alarm whose logical id begins so."""
        found = self.cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
        [one] = [one for one in found if f"-Alerts{name}" in one["AlarmName"]]
        return one


def until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.2)
    raise AssertionError("not in time")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    work = tmp_path_factory.mktemp("insights")
    settings = load("dev")
    stages = Stages(Console(quiet=True))
    with LocalAws(port=free_port(), work=work / "local-aws") as aws:
        account = Account.settled(aws=aws, name="dev", settings=settings, work=work, stages=stages)
        report = Report(environment="dev", dataset="")
        account.deploy(report)
        cloud = Cloud(
            endpoint=aws.endpoint, account=settings.account, region=settings.region,
            prefix=settings.prefix,
        )  # fmt: skip
        iot = cloud.client("iot")
        for thing in (SPEAKS, SILENT, NEVER):
            iot.create_thing(thingName=thing)
            iot.add_thing_to_thing_group(thingGroupName="binsight-dev-runtime", thingName=thing)
        yield Deployed(account, cloud, account.cloud(account.people.operator).outputs())
        refused = [
            one
            for one in map(json.loads, Path(aws.permissions).read_text().splitlines())
            if one["decision"] != "allow" and "insights" in one["principal"]
        ]
        assert refused == []


def test_a_message_gets_the_server_s_time_and_the_newest_stays(deployed):
    before = time.time() * 1000
    deployed.send(SPEAKS, observed_at="1999-01-01T00:00:00.000Z", problem="disk full")
    row = until(lambda: deployed.row(SPEAKS))
    assert before - 1000 <= int(row["received_ms"]["N"]) <= time.time() * 1000
    for sequence in (7, 3):
        deployed.send(SPEAKS, "detections", sequence=sequence, bin="landfill", confidence=0.9)
    until(lambda: deployed.row(SPEAKS, "detection"))
    time.sleep(1)
    assert deployed.row(SPEAKS, "detection")["sequence"]["N"] == "7"


def test_the_watcher_sees_who_is_silent(deployed):
    """Ten minutes are not waited for: the row is made that old."""
    deployed.send(SILENT)
    until(lambda: deployed.row(SILENT))
    old = str(int(time.time() * 1000) - 10 * 60_000)
    deployed.cloud.client("dynamodb").put_item(
        TableName=deployed.outputs["LatestTable"],
        Item={"thing": {"S": SILENT}, "kind": {"S": "telemetry"}, "received_ms": {"N": old}},
    )
    metrics = deployed.watch()
    assert (metrics["Cameras"], metrics["SilentCameras"]) == (3, 1)
    assert metrics["CamerasWithProblem"] == 1
    assert until(lambda: deployed.alarm("SilentCameras")["StateValue"] == "ALARM")
    assert until(lambda: deployed.alarm("CameraProblems")["StateValue"] == "ALARM")


def test_a_refused_program_reaches_the_table_and_the_alarm(deployed):
    group = f"arn:aws:iot:us-east-1:{deployed.cloud.account}:thinggroup/binsight-dev-runtime"
    [deployment] = deployed.cloud.client("greengrassv2").list_deployments(
        targetArn=group, historyFilter="LATEST_ONLY"
    )["deployments"]
    detail = {
        "deploymentId": deployment["deploymentId"],
        "coreDeviceExecutionStatus": "FAILED",
        "reason": "FAILED_ROLLBACK_COMPLETE",
    }
    event = {
        "Source": "aws.greengrass",
        "DetailType": "Greengrass V2 Effective Deployment Status Change",
        "Detail": json.dumps(detail),
        "Resources": [
            f"arn:aws:greengrass:us-east-1:{deployed.cloud.account}:coreDevices:{SPEAKS}"
        ],
        "Time": datetime.now(UTC),
    }
    functions = deployed.cloud.client("lambda")
    [writer] = [
        one["FunctionName"]
        for one in functions.list_functions()["Functions"]
        if "StateWriterFunction" in one["FunctionName"]
    ]
    # AWS alone may send events of aws.*, so the rule's target gets it directly.
    given = {
        "detail-type": event["DetailType"],
        "source": event["Source"],
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "resources": event["Resources"],
        "detail": detail,
    }
    answer = functions.invoke(FunctionName=writer, Payload=json.dumps(given))
    assert json.loads(answer["Payload"].read()) == {"written": 1, "skipped": 0}
    assert deployed.watch()["CamerasRefusingProgram"] == 1
    assert until(lambda: deployed.alarm("ProgramRefused")["StateValue"] == "ALARM")


@pytest.mark.parametrize(
    ("alarm", "namespace", "metric", "dimension"),
    [
        ("CamerasDenied", "AWS/IoT", "Connect.AuthError", {"Protocol": "MQTT"}),
        ("CamerasThrottled", "AWS/IoT", "PublishIn.Throttle", {"Protocol": "MQTT"}),
        ("RulesNotRun", "AWS/IoT", "ParseError", "RuleName"),
        ("RolloutAborted", "AWS/States", "ExecutionsAborted", "StateMachineArn"),
        (
            "TrainingStopped",
            "AWS/Sagemaker/ModelBuildingPipeline",
            "ExecutionStopped",
            "PipelineName",
        ),
        ("ApprovedNotStarted", "AWS/Events", "FailedInvocations", "RuleName"),
        ("ClockNotStarted", "AWS/Events", "FailedInvocations", "RuleName"),
        ("StateLost", "AWS/Lambda", "AsyncEventsDropped", "FunctionName"),
        (
            "TelemetryDeliveryLate",
            "AWS/Firehose",
            "DeliveryToS3.DataFreshness",
            "DeliveryStreamName",
        ),
    ],
)
def test_what_failed_without_a_word_has_an_alarm(deployed, alarm, namespace, metric, dimension):
    found = deployed.alarm(alarm)
    assert found["StateValue"] != "ALARM", found["StateReason"]
    assert found["AlarmActions"]
    parts = [one["MetricStat"]["Metric"] for one in found.get("Metrics", []) if "MetricStat" in one]
    [watched, *_] = [one for one in parts or [found] if one["MetricName"] == metric]
    assert watched["Namespace"] == namespace
    names = {one["Name"]: one["Value"] for one in watched["Dimensions"]}
    if isinstance(dimension, dict):
        assert names == dimension
    else:
        assert list(names) == [dimension]
    datum = {"MetricName": metric, "Dimensions": watched["Dimensions"], "Value": 10_000}
    deployed.cloud.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])
    assert until(lambda: deployed.alarm(alarm)["StateValue"] == "ALARM")


def test_a_training_that_did_not_start_waits_in_a_queue(deployed):
    """The pipeline is missing when a manifest arrives, as after a failed deployment."""
    clients, outputs = deployed.cloud.client, deployed.outputs
    clients("sagemaker").delete_pipeline(
        PipelineName=outputs["PipelineName"], ClientRequestToken="0" * 32
    )
    clients("s3").put_object(Bucket=outputs["DatasetBucket"], Key="trash/manifest.json", Body=b"[]")
    queues = clients("sqs").list_queues(QueueNamePrefix="binsight-dev-training")["QueueUrls"]
    [message] = until(
        lambda: (
            clients("sqs")
            .receive_message(QueueUrl=queues[0], MessageAttributeNames=["All"])
            .get("Messages")
        )
    )
    assert json.loads(message["Body"])["detail"]["object"]["key"] == "trash/manifest.json"
    told = {name: one["StringValue"] for name, one in message["MessageAttributes"].items()}
    assert told["TARGET_ARN"].endswith(f"pipeline/{outputs['PipelineName']}")
    for name in ("FailedStarts", "NewManifestNotStarted"):
        assert until(lambda name=name: deployed.alarm(name)["StateValue"] == "ALARM")


def test_only_the_rules_may_fill_the_queues_and_only_over_tls(deployed):
    sqs = deployed.cloud.client("sqs")
    for stack, rules in (("training", {"NewManifest"}), ("edge", {"Approved"})):
        [url] = sqs.list_queues(QueueNamePrefix=f"binsight-dev-{stack}")["QueueUrls"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert found["SqsManagedSseEnabled"] == "true"
        allowed = {}
        for one in json.loads(found["Policy"])["Statement"]:
            if one["Effect"] == "Allow":
                assert (one["Action"], one["Principal"]) == (
                    "sqs:SendMessage",
                    {"Service": "events.amazonaws.com"},
                )
                arn = one["Condition"]["ArnEquals"]["aws:SourceArn"]
                allowed[next(name for name in rules if name in arn)] = arn
            else:
                assert one["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert set(allowed) == rules


def test_the_operator_sees_the_fleet_with_the_reader_s_role(deployed, tmp_path):
    account = deployed.account
    operator = Operator(
        environment_name="dev", variables=account.environment(account.people.operator)
    )
    lines = operator.run("tools.fleet", "--out", str(tmp_path / "fleet.html"))
    said = "\n".join(lines)
    assert any(line.split()[:2] == [SILENT, "silent"] for line in lines), said
    assert any(line.split()[:2] == [NEVER, "silent"] for line in lines), said
    assert any(line.split()[:2] == [SPEAKS, "refused"] for line in lines), said
    assert SPEAKS in (tmp_path / "fleet.html").read_text()
    with pytest.raises(RehearsalError, match=f"CAMERA={SPEAKS}x: allowed: .* {SPEAKS}"):
        operator.run("tools.fleet", "--camera", f"{SPEAKS}x", "--out", str(tmp_path / "no.html"))


def test_the_operator_shows_rolls_back_and_stops_with_no_more_than_his_rights(deployed):
    """The rollout's function and its state machine act with their own roles, all enforced."""
    account, outputs = deployed.account, deployed.outputs
    operator = Operator(
        environment_name="dev", variables=account.environment(account.people.operator)
    )
    clients = deployed.cloud.client
    states, machine = clients("stepfunctions"), outputs["RolloutStateMachineArn"]
    assert operator.run("tools.rollout") == [
        "no rollout in the last 90 days; the approval of a model starts one"
    ]

    def approve(number):
        key = f"models/{number}/model.tar.gz"
        bucket = outputs["ArtifactsBucket"]
        clients("s3").put_object(Bucket=bucket, Key=key, Body=key.encode())
        container = {"Image": "none", "ModelDataUrl": f"s3://{bucket}/{key}"}
        clients("sagemaker").create_model_package(
            ModelPackageGroupName=outputs["ModelPackageGroup"],
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [container],
                "SupportedContentTypes": ["image/jpeg"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )

    def ended(count):
        found = states.list_executions(stateMachineArn=machine)["executions"]
        assert not [one for one in found if one["status"] == "FAILED"]
        return len([one for one in found if one["status"] == "SUCCEEDED"]) == count

    # No camera is in the groups yet: these rollouts wait for nobody.
    for number in (1, 2):
        approve(number)
        until(lambda number=number: ended(number))
    lines = operator.run("tools.rollout", "--rollback")
    assert "set model 2 to Rejected, because it is newer than model 1" in lines[0]
    assert "give model 1 to canaries and fleet, in place of model 2, without a bake" in lines[1]
    until(lambda: ended(3))
    shown = "\n".join(operator.run("tools.rollout"))
    assert "rollback of model 1" in shown
    assert "canary: 0 cameras" in shown

    iot = clients("iot")
    iot.create_thing(thingName="cam-asleep")
    iot.add_thing_to_thing_group(thingGroupName=outputs["CanaryThingGroup"], thingName="cam-asleep")
    approve(3)
    until(lambda: "the canaries get it" in operator.run("tools.rollout")[0])
    lines = operator.run("tools.rollout", "--stop")
    assert "stop the rollout of model 3" in lines[0]
    assert any("canary: back to binsight-dev.Model" in line for line in lines), lines
    assert any("fleet: it has binsight-dev.Model" in line for line in lines), lines
    assert "stopped and undone" in operator.run("tools.rollout")[0]


def test_a_kit_that_expires_is_mailed_by_name(deployed):
    sns, sqs = deployed.cloud.client("sns"), deployed.cloud.client("sqs")
    arn = f"arn:aws:sqs:us-east-1:{deployed.cloud.account}:mails"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    queue = sqs.create_queue(QueueName="mails", Attributes={"Policy": policy})["QueueUrl"]
    topic = deployed.outputs["AlertsTopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    expires = int(time.time()) + 86_400 + 3600
    kit = {"id": f"kit#{'ab' * 32}", "kind": "kit", "kit_state": "active", "expires_at": expires}
    dynamodb = deployed.cloud.client("dynamodb")
    [table] = [one for one in dynamodb.list_tables()["TableNames"] if "EnrolmentCameras" in one]
    dynamodb.put_item(
        TableName=table,
        Item={
            key: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for key, value in kit.items()
        },
    )
    functions = deployed.cloud.client("lambda")
    [name] = [
        one["FunctionName"]
        for one in functions.list_functions()["Functions"]
        if "EnrolmentExpiry" in one["FunctionName"]
    ]
    answer = functions.invoke(FunctionName=name)
    assert "FunctionError" not in answer, answer["Payload"].read()
    mails = until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    mail = json.loads(mails[0]["Body"])
    assert mail["Subject"].startswith("Binsight binsight-dev: enrolment kit abababab expires on")
    assert "`make enrolment` makes another kit" in mail["Message"]
