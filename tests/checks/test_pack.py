# SPDX-License-Identifier: Apache-2.0
"""The pack in an app: it stops synth, and the CDK applies exact acknowledgements to it."""

import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iot as iot
from aws_cdk import aws_logs as logs

from infra.checks.pack import BinsightChecks
from infra.checks.rule import PACK
from infra.checks.rules import iot_rule_error_action, log_retention
from tests.synth.stale import stale

ERROR_ACTION = f"{PACK}::{iot_rule_error_action.RULE.id}"


def build(folder):
    """An app with two IoT rules that lack an error action, in a stage."""
    app = cdk.App(outdir=str(folder))
    rules = (iot_rule_error_action.RULE, log_retention.RULE)
    cdk.Validations.of(app).add_plugins(BinsightChecks(prefix="binsight-dev", rules=rules))
    stack = cdk.Stack(cdk.Stage(app, "Stage"), "Insights")
    made = [
        iot.CfnTopicRule(
            stack,
            name,
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                sql="SELECT * FROM 'dev/+/detections'", actions=[]
            ),
        )
        for name in ("Archive", "Latest")
    ]
    return app, stack, made


def acknowledge(construct, finding):
    reason = "Kept for the test of acknowledgements."
    cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))


def report(folder):
    document = json.loads((folder / "validation-report.json").read_text())
    return next(one for one in document["pluginReports"] if one["pluginName"] == "BinsightChecks")


def test_open_findings_stop_synth_and_are_reported(tmp_path):
    app, _, made = build(tmp_path)
    acknowledge(made[0], ERROR_ACTION)
    with pytest.raises(RuntimeError, match=r"BINSIGHT-IOT3: the rule has no error action"):
        app.synth()
    written = report(tmp_path)
    assert written["conclusion"] == "failure"
    [violation] = written["violations"]
    assert violation["severity"] == "error"
    assert violation["suggestedFix"] == iot_rule_error_action.RULE.fix
    [construct] = violation["violatingConstructs"]
    assert construct["constructPath"] == "Stage/Insights/Latest"
    assert construct["cloudFormationResource"]["logicalId"] == "Latest"
    assert construct["cloudFormationResource"]["propertyPaths"] == [
        "Properties.TopicRulePayload.ErrorAction"
    ]


def test_acknowledged_findings_pass_and_stale_ones_are_named(tmp_path):
    app, stack, made = build(tmp_path)
    for rule in made:
        acknowledge(rule, ERROR_ACTION)
    group = logs.CfnLogGroup(stack, "Logs", retention_in_days=30)
    acknowledge(group, f"{PACK}::{log_retention.RULE.id}")
    app.synth()
    [first, second] = report(tmp_path)["suppressedViolations"]
    assert (first["acknowledgedId"], second["acknowledgedId"]) == (ERROR_ACTION, ERROR_ACTION)
    assert stale(tmp_path) == ["BinsightChecks::BINSIGHT-LOG2 at Stage/Insights/Logs"]


def test_an_id_without_the_pack_or_of_another_rule_acknowledges_nothing(tmp_path):
    app, _, made = build(tmp_path)
    for rule in made:
        acknowledge(rule, "BINSIGHT-IOT3")
        acknowledge(rule, "BinsightChecks::BINSIGHT-IOT")
    with pytest.raises(RuntimeError, match="BINSIGHT-IOT3"):
        app.synth()
    assert len(report(tmp_path)["violations"]) == 2
    assert "BINSIGHT-IOT3 at Stage/Insights/Archive" in stale(tmp_path)
    assert len(stale(tmp_path)) == 4
