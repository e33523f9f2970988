# SPDX-License-Identifier: Apache-2.0
"""Rules about AWS IoT, each with what passes and what fails."""

import pytest

from infra.checks.rules import (
    iot_policy_actions,
    iot_policy_thing,
    iot_rule_error_action,
    iot_rule_topic,
)
from tests.checks.cases import REGION, findings, policy, resource

THING = "${iot:Connection.Thing.ThingName}"
SUB = "${!iot:Connection.Thing.ThingName}"


def iot_policy(*statements):
    return {"P": resource("AWS::IoT::Policy", {"PolicyDocument": policy(*statements)})}


def topic_rule(sql="SELECT * FROM 'dev/+/detections'", **payload):
    return {"R": resource("AWS::IoT::TopicRule", {"TopicRulePayload": {"Sql": sql, **payload}})}


def test_single_actions_pass():
    allowed = iot_policy({"Action": ["iot:Connect", "iot:Publish"], "Resource": "*"})
    assert findings(iot_policy_actions.RULE, allowed) == []


@pytest.mark.parametrize(
    ("statement", "detail"),
    [
        ({"Action": "iot:*", "Resource": "*"}, "'iot:*'"),
        ({"Action": ["iot:Connect", "iot:Pub*"], "Resource": "*"}, "'iot:Pub*'"),
        ({"NotAction": "iot:DeleteThing", "Resource": "*"}, "NotAction"),
    ],
)
def test_wildcard_actions_fail(statement, detail):
    [(logical_id, path, said)] = findings(iot_policy_actions.RULE, iot_policy(statement))
    assert logical_id == "P"
    assert path.startswith("Properties.PolicyDocument.Statement.0")
    assert detail in said


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "iot:Connect", "Resource": f"{REGION}:client/{THING}"},
        {"Action": "iot:Publish", "Resource": [f"{REGION}:topic/dev/{THING}/detections"]},
        {"Action": "iot:Connect", "Resource": {"Fn::Sub": f"client/{SUB}"}},
        {
            "Action": "iot:AssumeRoleWithCertificate",
            "Resource": {"Fn::GetAtt": ["A", "RoleAliasArn"]},
        },
        {"Action": ["greengrass:ListThingGroupsForCoreDevice"], "Resource": f"{REGION}:thing/d-*"},
        {
            "Action": "greengrass:GetComponentVersionArtifact",
            "Resource": "arn:aws:greengrass:eu-west-1:3:components:dev.*",
        },
        {"Action": "greengrass:ResolveComponentCandidates", "Resource": "*"},
        {
            "Action": [
                "greengrass:GetDeploymentConfiguration",
                "greengrass:ResolveComponentCandidates",
            ],
            "Resource": "*",
        },
    ],
)
def test_the_device_itself_passes(statement):
    assert findings(iot_policy_thing.RULE, iot_policy(statement)) == []


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "iot:Connect", "Resource": "*"},
        {"Action": "iot:Connect", "Resource": f"{REGION}:client/*"},
        {"Action": "iot:Publish", "Resource": f"{REGION}:topic/dev/*"},
        {"Action": "iot:Subscribe", "Resource": f"{REGION}:topicfilter/dev/+/commands"},
        {"Action": "iot:AssumeRoleWithCertificate", "Resource": f"{REGION}:rolealias/*"},
        {"Action": "greengrass:ListThingGroupsForCoreDevice", "Resource": "*"},
        {"Action": "greengrass:GetComponentVersionArtifact", "Resource": "*"},
        {
            "Action": ["greengrass:ResolveComponentCandidates", "greengrass:Discover"],
            "Resource": "*",
        },
        {"Action": "greengrass:ListThingGroupsForCoreDevice", "Resource": f"{REGION}:thing/*"},
        {"Action": ["greengrass:Discover", "iot:Publish"], "Resource": f"{REGION}:thing/dev-*"},
    ],
)
def test_other_devices_fail(statement):
    [(logical_id, path, detail)] = findings(iot_policy_thing.RULE, iot_policy(statement))
    assert (logical_id, path) == ("P", "Properties.PolicyDocument.Statement.0.Resource")
    assert "not limited to the device itself" in detail


def test_a_claim_certificate_has_no_thing_yet():
    connect = {"Action": "iot:Connect", "Resource": f"{REGION}:client/*"}
    provision = {
        "Action": ["iot:Publish", "iot:Receive"],
        "Resource": [
            f"{REGION}:topic/$aws/certificates/create/*",
            f"{REGION}:topic/$aws/provisioning-templates/dev-provisioning/provision/*",
        ],
    }
    assert findings(iot_policy_thing.RULE, iot_policy(connect, provision)) == []
    any_template = {
        "Action": "iot:Publish",
        "Resource": f"{REGION}:topic/$aws/provisioning-templates/*/provision/*",
    }
    assert len(findings(iot_policy_thing.RULE, iot_policy(connect, any_template))) == 2
    other = {"Action": "iot:Publish", "Resource": f"{REGION}:topic/dev/all"}
    assert findings(iot_policy_thing.RULE, iot_policy(connect, provision, other))


def test_an_error_action_is_asked_for():
    assert findings(iot_rule_error_action.RULE, topic_rule(ErrorAction={"S3": {}})) == []
    [(logical_id, path, _)] = findings(iot_rule_error_action.RULE, topic_rule())
    assert (logical_id, path) == ("R", "Properties.TopicRulePayload.ErrorAction")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM 'dev/+/detections'",
        "select topic(2) as thing FROM 'dev/#' WHERE x = 1",
        {"Fn::Join": ["", ["SELECT * FROM '", {"Ref": "Prefix"}, "/+/detections'"]]},
    ],
)
def test_an_own_topic_passes(sql):
    assert findings(iot_rule_topic.RULE, topic_rule(sql)) == []


@pytest.mark.parametrize("sql", ["SELECT * FROM '#'", "select * from '+/detections'"])
def test_everybodys_topics_fail(sql):
    [(logical_id, path, _)] = findings(iot_rule_topic.RULE, topic_rule(sql))
    assert (logical_id, path) == ("R", "Properties.TopicRulePayload.Sql")
