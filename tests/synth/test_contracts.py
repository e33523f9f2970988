# SPDX-License-Identifier: Apache-2.0
"""The templates keep what the parts of Binsight have promised each other."""

import json

import pytest

from contracts.archive import TABLES
from contracts.bins import BinPolicy
from contracts.topics import ANY_THING
from infra.config import settings
from tests.synth.conftest import ENVIRONMENTS, STACKS, Assemblies

OUTPUTS = {
    "Data": "DatasetBucket ArtifactsBucket CapturesBucket ArchiveBucket AccessLogBucket DataKeyArn",
    "Training": "PipelineName ModelPackageGroup TrainingRoleArn",
    "Edge": "RuntimeThingGroup CanaryThingGroup FleetThingGroup InferenceComponent "
    "InferenceComponentVersion ModelComponent RolloutStateMachineArn ProvisioningTemplate "
    "RoleAlias ThingType CameraPolicy CameraGreengrassPolicy ClaimPolicy CamerasTable",
    "Insights": "LatestTable AlertsTopicArn DetectionsDeliveryStream TelemetryDeliveryStream "
    "Database DashboardName Workgroup ReaderRoleArn",
}
each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


@pytest.mark.parametrize("stack", STACKS)
@each_environment
def test_outputs_have_the_promised_names(
    assemblies: Assemblies, environment: str, stack: str
) -> None:
    outputs = assemblies.template(environment, stack)["Outputs"]
    assert {key for key in outputs if not key.startswith("Export")} == set(OUTPUTS[stack].split())


@each_environment
def test_the_rollout_finds_the_table_of_the_stack_that_comes_later(
    assemblies: Assemblies, environment: str
) -> None:
    """CloudFormation names a table after its stack and logical id."""
    functions = assemblies.of_type(environment, "AWS::Lambda::Function").values()
    found = [one.get("Environment", {}).get("Variables", {}) for one in functions]
    [stack] = {one["INSIGHTS_STACK"] for one in found if "INSIGHTS_STACK" in one}
    assert stack == f"{settings.load(environment).prefix}-insights"
    insights = assemblies.template(environment, "Insights")
    table = insights["Outputs"]["LatestTable"]["Value"]["Ref"]
    assert insights["Resources"][table]["Type"] == "AWS::DynamoDB::Table"
    assert table.startswith("LatestState")


@each_environment
def test_rules_select_trusted_messages_of_the_contract_topics(
    assemblies: Assemblies, environment: str
) -> None:
    topics = settings.load(environment).topics
    rules = assemblies.of_type(environment, "AWS::IoT::TopicRule")
    assert len(rules) == 4
    for rule in rules.values():
        payload = rule["TopicRulePayload"]
        topic = payload["Sql"].split(" FROM '")[1].split("'")[0]
        assert "LogGroupName" in payload["ErrorAction"]["CloudwatchLogs"]
        if topic == "$aws/events/presence/+/+":
            continue  # AWS IoT's own: the function keeps what is about cameras
        assert topic in {topics.detections(ANY_THING), topics.telemetry(ANY_THING)}
        assert f"schema = 1 AND thing = topic({topics.thing_segment})" in payload["Sql"]
        assert "timestamp() AS received_ms" in payload["Sql"]


@each_environment
def test_the_tables_have_the_contract_s_columns(assemblies: Assemblies, environment: str) -> None:
    found = {
        table["TableInput"]["Name"]: [
            (column["Name"], column["Type"])
            for column in table["TableInput"]["StorageDescriptor"]["Columns"]
        ]
        for table in assemblies.of_type(environment, "AWS::Glue::Table").values()
    }
    assert found == {
        table.name: [(column.name, column.type) for column in table.columns] for table in TABLES
    }


@each_environment
def test_each_thing_group_has_one_owner(assemblies: Assemblies, environment: str) -> None:
    """CloudFormation deploys to the runtime group only; the others belong to the rollout."""
    [deployment] = assemblies.of_type(environment, "AWS::GreengrassV2::Deployment").values()
    prefix = settings.load(environment).prefix
    assert "Runtime" in json.dumps(deployment["TargetArn"])
    assert f"{prefix}.Model" not in deployment["Components"]
    assert deployment["DeploymentPolicies"]["FailureHandlingPolicy"] == "ROLLBACK"
    assert deployment["IotJobConfiguration"]["JobExecutionsRolloutConfig"]["MaximumPerMinute"]
    assert deployment["IotJobConfiguration"]["AbortConfig"]["CriteriaList"]


@each_environment
def test_the_camera_program_may_publish_to_its_own_topics_only(
    assemblies: Assemblies, environment: str
) -> None:
    environment_settings = settings.load(environment)
    [deployment] = assemblies.of_type(environment, "AWS::GreengrassV2::Deployment").values()
    name = f"{environment_settings.prefix}.Inference"
    merge = json.loads(deployment["Components"][name]["ConfigurationUpdate"]["Merge"])
    access = merge["accessControl"]["aws.greengrass.ipc.mqttproxy"]
    own = f"{environment_settings.camera.topic_prefix}/{{iot:thingName}}/"
    for grant in access.values():
        assert all(resource.startswith(own) for resource in grant["resources"])
    nucleus = deployment["Components"]["aws.greengrass.Nucleus"]["ConfigurationUpdate"]["Merge"]
    assert json.loads(nucleus) == {"interpolateComponentConfiguration": True}


@each_environment
def test_the_camera_program_gets_the_settings(assemblies: Assemblies, environment: str) -> None:
    [component] = assemblies.of_type(environment, "AWS::GreengrassV2::ComponentVersion").values()
    parameters = component["LambdaFunction"]["ComponentLambdaParameters"]
    expected = settings.load(environment)
    variables = parameters["EnvironmentVariables"]
    assert parameters["Pinned"] is True
    assert parameters["LinuxProcessParams"]["IsolationMode"] == "NoContainer"
    assert BinPolicy.from_json(variables["BINSIGHT_BINS"]) == expected.bins.policy()
    assert variables["BINSIGHT_TOPIC_PREFIX"] == expected.camera.topic_prefix
    # One configuration value that reaches a camera holds about 1 KB (nucleus lite).
    assert all(len(value) < 1000 for value in variables.values())


@each_environment
def test_cameras_act_as_themselves_only(assemblies: Assemblies, environment: str) -> None:
    """Whatever a camera may do over MQTT names the thing that its certificate belongs to."""
    policies = assemblies.of_type(environment, "AWS::IoT::Policy")
    [camera] = [item for item in policies.values() if item["PolicyName"].endswith("-camera")]
    mqtt = {"iot:Connect", "iot:Publish", "iot:Receive", "iot:Subscribe"}
    checked = 0
    for statement in camera["PolicyDocument"]["Statement"]:
        if mqtt.intersection(statement["Action"]):
            for resource in statement["Resource"]:
                assert "${iot:Connection.Thing.ThingName}" in resource
                checked += 1
    assert checked >= 10
