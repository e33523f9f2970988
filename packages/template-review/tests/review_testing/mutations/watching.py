# SPDX-License-Identifier: Apache-2.0
"""Changes that make alarms, rules and logs see less, or tell nobody."""

from collections.abc import Iterator
from typing import Any

from review_testing.mutations.model import Change, Document, operator
from review_testing.mutations.places import editing, properties, removing, resources, setting
from template_review.model import Level

_ALARM = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html"
_RULE = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules.html"
_IOT = "https://docs.aws.amazon.com/iot/latest/developerguide/iot-rules.html"
_WATCHERS = (
    *("AWS::CloudWatch::Alarm", "AWS::Events::Rule", "AWS::IoT::TopicRule"),
    "AWS::Logs::MetricFilter",
)
Found = Iterator[tuple[str, Change]]


@operator("a watcher removed", Level.DANGEROUS, f"{_ALARM}; {_RULE}; {_IOT}: nothing acts then")
def _removed(document: Document) -> Found:
    for each in resources(document, *_WATCHERS):
        yield each.name, removing(each.path)


@operator("an alarm that notifies nobody", Level.DANGEROUS, _ALARM + ": actions are what it does")
def _mute(document: Document) -> Found:
    for each in resources(document, "AWS::CloudWatch::Alarm"):
        yield f"{each.name} emptied", setting((*each.path, "Properties", "AlarmActions"), [])
        yield f"{each.name} removed", removing((*each.path, "Properties", "AlarmActions"))
        yield f"{each.name} off", setting((*each.path, "Properties", "ActionsEnabled"), False)


@operator("an alarm that cannot go off", Level.DANGEROUS, _ALARM + ": compared with the threshold")
def _unreachable(document: Document) -> Found:
    for each in resources(document, "AWS::CloudWatch::Alarm"):
        yield each.name, setting((*each.path, "Properties", "Threshold"), 10**12)


@operator("an alarm on another metric", Level.DANGEROUS, _ALARM + ": an alarm watches one metric")
def _metric(document: Document) -> Found:
    for each in resources(document, "AWS::CloudWatch::Alarm"):
        yield each.name, setting((*each.path, "Properties", "MetricName"), "SomethingElse")


@operator("a rule switched off", Level.DANGEROUS, f"{_RULE}: DISABLED matches nothing; {_IOT}")
def _disabled(document: Document) -> Found:
    for each in resources(document, "AWS::Events::Rule"):
        yield each.name, setting((*each.path, "Properties", "State"), "DISABLED")
    for each in resources(document, "AWS::IoT::TopicRule"):
        path = (*each.path, "Properties", "TopicRulePayload", "RuleDisabled")
        yield each.name, setting(path, True)


@operator("a rule without its target", Level.DANGEROUS, f"{_RULE}; {_IOT}: targets are what acts")
def _no_target(document: Document) -> Found:
    for each in resources(document, "AWS::Events::Rule"):
        yield each.name, setting((*each.path, "Properties", "Targets"), [])
    for each in resources(document, "AWS::IoT::TopicRule"):
        path = (*each.path, "Properties", "TopicRulePayload", "Actions")
        yield each.name, editing(path, lambda found: found.pop())


@operator("no error action", Level.DANGEROUS, _IOT + ": messages whose action fails are dropped")
def _no_error_action(document: Document) -> Found:
    for each in resources(document, "AWS::IoT::TopicRule"):
        yield each.name, removing((*each.path, "Properties", "TopicRulePayload", "ErrorAction"))


@operator(
    "a filter that matches nothing",
    Level.DANGEROUS,
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html: only "
    "matching events are counted",
)
def _blind(document: Document) -> Found:
    for each in resources(document, "AWS::Logs::MetricFilter"):
        path = (*each.path, "Properties")
        yield f"{each.name} pattern", setting((*path, "FilterPattern"), '"never written"')
        metric = (*path, "MetricTransformations", 0, "MetricName")
        yield f"{each.name} metric", setting(metric, "Another")
        yield f"{each.name} group", setting((*path, "LogGroupName"), {"Ref": "RuleErrors"})


@operator(
    "access or execution logs off",
    Level.DANGEROUS,
    "https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html: S3.9; "
    "stepfunctions-controls: StepFunctions.1",
)
def _no_logs(document: Document) -> Found:
    kinds = ("AWS::S3::Bucket", "AWS::StepFunctions::StateMachine")
    for each in properties(document, *kinds):
        if each.path[-1] == "LoggingConfiguration":
            yield each.where, removing(each.path)
        if each.path[-1] == "Level" and each.value != "OFF":
            yield each.where, setting(each.path, "OFF")
    for one in resources(document, "AWS::KinesisFirehose::DeliveryStream"):
        path = (*one.path, "Properties", "ExtendedS3DestinationConfiguration")
        yield one.name, setting((*path, "CloudWatchLoggingOptions", "Enabled"), False)


@operator(
    "an event pattern that matches more",
    Level.DANGEROUS,
    "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern.html: every field "
    "that is named must match; one of its values is enough",
)
def _wider(document: Document) -> Found:
    for each in resources(document, "AWS::Events::Rule"):
        detail = each.body["Properties"].get("EventPattern", {}).get("detail", {})
        for key, value in detail.items():
            path = (*each.path, "Properties", "EventPattern", "detail")
            yield f"{each.name} without {key}", removing((*path, key))
            if isinstance(value, list):
                more: list[Any] = [*value, {"prefix": ""}]
                yield f"{each.name} any {key}", setting((*path, key), more)
                other = [*value, "SomethingElse"]
                yield f"{each.name} also for another {key}", setting((*path, key), other)
