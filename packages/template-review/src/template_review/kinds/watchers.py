# SPDX-License-Identifier: Apache-2.0
"""What watches and tells: alarms, metric filters, rules, subscriptions, logs; their switches."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from template_review.comparison.branches import each_of
from template_review.comparison.leaves import Leaf, said
from template_review.comparison.properties import Kept, resources
from template_review.comparison.text import compact
from template_review.kinds.alarms import OFF, alarm_items, same_word, watched, watcher_item
from template_review.kinds.event_patterns import pattern_items
from template_review.model import Item, Level, Pair
from template_review.resources.renames import renames
from template_review.resources.stateful import holds

GONE = {
    "AWS::AccessAnalyzer::Analyzer": "access from outside is not looked for any more",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "nothing reacts to load any more",
    "AWS::Backup::BackupPlan": "nothing is backed up any more",
    "AWS::Backup::BackupSelection": "nothing is backed up any more",
    "AWS::Budgets::Budget": "nobody is notified of costs any more",
    "AWS::CE::AnomalySubscription": "nobody is notified of costs any more",
    "AWS::CloudTrail::Trail": "calls are not recorded any more",
    "AWS::CloudWatch::Alarm": "nobody is notified any more when {watched}",
    "AWS::CloudWatch::AnomalyDetector": "nothing looks for anomalies any more",
    "AWS::CloudWatch::CompositeAlarm": "nobody is notified any more when {watched}",
    "AWS::Config::ConfigRule": "the configuration is not checked any more",
    "AWS::Config::ConfigurationRecorder": "changes of the configuration are not recorded any more",
    "AWS::Config::DeliveryChannel": "changes of the configuration are not recorded any more",
    "AWS::DLM::LifecyclePolicy": "no snapshots are made any more",
    "AWS::EC2::FlowLog": "network traffic is not recorded any more",
    "AWS::Events::Rule": "nothing happens any more on {watched}",
    "AWS::GuardDuty::Detector": "threats are not looked for any more",
    "AWS::IoT::TopicRule": "nothing handles {watched} any more",
    "AWS::IoT::ScheduledAudit": "the devices' configuration is not checked any more",
    "AWS::IoT::SecurityProfile": "the devices' behaviour is not watched any more",
    "AWS::Lambda::EventInvokeConfig": "failed calls are not kept any more",
    "AWS::Lambda::EventSourceMapping": "nothing reads the source any more",
    "AWS::Logs::MetricFilter": "{watched} is not counted any more; alarms on it stay silent",
    "AWS::Logs::SubscriptionFilter": "nothing follows the logs any more",
    "AWS::Macie::Session": "personal data is not looked for any more",
    "AWS::NetworkFirewall::Firewall": "network traffic is not filtered any more",
    "AWS::Organizations::Policy": "what it forbade is allowed",
    "AWS::Route53::DNSSEC": "answers about the domain are not signed any more",
    "AWS::SNS::Subscription": "{watched} is no longer notified",
    "AWS::SageMaker::MonitoringSchedule": "the model's quality is not watched any more",
    "AWS::Scheduler::Schedule": "nothing happens on its schedule any more",
    "AWS::SecretsManager::RotationSchedule": "the secret is not changed any more",
    "AWS::SecurityHub::Hub": "findings are not collected any more",
    "AWS::Shield::Protection": "it is not protected from floods of requests any more",
    "AWS::Synthetics::Canary": "nothing tries the service any more",
    "AWS::WAFv2::LoggingConfiguration": "requests are not recorded any more",
    "AWS::WAFv2::WebACLAssociation": "requests are not filtered any more",
}
"""What stops when a watcher goes."""

_ON = {"true", "enabled", "active", "on"}
_SWITCH = re.compile(
    r"(Enabled|Enable[A-Z]\w*|^Enabled?|^State|^Status|^IsLogging|Disabled|^Level)$"
)
_HARMLESS_SWITCH = re.compile(
    r"(BucketKeyEnabled|TracingConfiguration|TracingConfig|TimeToLive|Accelerat|^Parameters\.)"
)
_ELSEWHERE = re.compile(
    r"^(VersioningConfiguration|PointInTime|KeyRotation|LifecycleConfiguration)"
)
_KEPT_FAILURES = (
    "DeadLetterConfig",
    "DeadLetterQueue",
    "RedrivePolicy",
    "OnFailure",
    "ErrorAction",
)
_LOGGING = re.compile(r"(LoggingConfiguration|LoggingConfig|CloudWatchLoggingOptions|LogConfig)\b")


def watcher_items(pair: Pair) -> list[Item]:
    """Watchers removed, switched off, made deaf or blind."""
    if pair.base is None or pair.head is None:
        return []
    renamed = {(each.old_stack, each.old_id) for each in renames(pair)}
    items: list[Item] = []
    for kept in resources(pair):
        if kept.stack not in pair.head.stacks or kept.stack not in pair.base.stacks:
            continue
        if kept.new is None:
            if kept.type in GONE and (kept.stack, kept.id) not in renamed:
                items.append(_gone(kept))
        elif kept.old is not None:
            items += _changed(kept)
    return items


def _gone(kept: Kept) -> Item:
    text = f"removed: {GONE[kept.type].format(watched=watched(kept.type, kept.old or {}))}"
    return watcher_item(Level.DANGEROUS, kept, text, ("",), sign="-")


def _changed(kept: Kept) -> Iterator[Item]:
    found = kept.leaves
    if kept.type == "AWS::CloudWatch::Alarm":
        yield from alarm_items(kept, found)
    if kept.type == "AWS::Logs::MetricFilter":
        yield from _filter(kept, found)
    if kept.type == "AWS::Events::Rule":
        yield from pattern_items(kept)
        yield from _rule(kept, found)
    if kept.type == "AWS::SNS::Subscription":
        for leaf in found:
            if leaf.name in {"Endpoint", "FilterPolicy", "Protocol", "TopicArn"}:
                text = f"{leaf.text}: those who were notified may no longer be"
                yield watcher_item(Level.DANGEROUS, kept, text, (leaf.path,))
    for leaf in found:
        if leaf.path == "ReservedConcurrentExecutions" and leaf.after == 0:
            yield watcher_item(
                Level.DANGEROUS, kept, f"{leaf.text}: it can never run", (leaf.path,)
            )
    yield from _switches(kept, found)
    yield from _failures(kept)
    yield from _only_sometimes(kept)


def _only_sometimes(kept: Kept) -> Iterator[Item]:
    """A resource that a condition of the template can take away."""
    old, new = (side.get("Condition") for side in (kept.old_resource, kept.new_resource))
    if old != new and new and (kept.type in GONE or holds(kept.type)):
        text = f"Condition: {said(old)} -> {new}: it is only there if that holds"
        yield watcher_item(Level.DANGEROUS, kept, text, ())


def _filter(kept: Kept, found: list[Leaf]) -> Iterator[Item]:
    looked = [leaf for leaf in found if leaf.name in {"FilterPattern", "LogGroupName"}]
    counted = [
        leaf for leaf in found if leaf.name in {"MetricName", "MetricNamespace", "MetricValue"}
    ]
    for leaves, why in (
        (looked, "other events are counted; alarms on the metric may stay silent"),
        (counted, "alarms on the old metric stay silent"),
    ):
        if leaves:
            text = f"{'; '.join(leaf.text for leaf in leaves)}: {why}"
            yield watcher_item(Level.DANGEROUS, kept, text, tuple(leaf.path for leaf in leaves))


def _rule(kept: Kept, found: list[Leaf]) -> Iterator[Item]:
    old, new = (_targets(side) for side in (kept.old, kept.new))
    for target in sorted(old - new):
        claims = tuple(leaf.path for leaf in found if leaf.path.startswith("Targets"))
        text = f"no longer calls {target} on {watched(kept.type, kept.old or {})}"
        yield watcher_item(Level.DANGEROUS, kept, text, claims, sign="-")
    for leaf in found:
        if leaf.path == "ScheduleExpression" and leaf.after is None:
            text = f"{leaf.text}: nothing happens on a schedule any more"
            yield watcher_item(Level.DANGEROUS, kept, text, (leaf.path,))


def _targets(properties: Mapping[str, Any] | None) -> set[str]:
    return {
        compact(target.get("Arn") if isinstance(target, Mapping) else target)
        for target, _ in each_of((properties or {}).get("Targets"))
    }


def _switches(kept: Kept, found: list[Leaf]) -> Iterator[Item]:
    for leaf in found:
        if not _SWITCH.search(leaf.name) or _HARMLESS_SWITCH.search(leaf.path):
            continue
        if _ELSEWHERE.search(leaf.path) or leaf.path == "ActionsEnabled":
            continue
        on, off = (OFF, _ON) if leaf.name.endswith("Disabled") else (_ON, OFF)
        absent_is_on = leaf.path == "State"
        was = (leaf.before is None and absent_is_on) or same_word(leaf.before, on)
        was = was or (leaf.name == "Level" and leaf.before is not None)
        now_off = same_word(leaf.after, off) or (leaf.after is None and not absent_is_on)
        if was and (same_word(leaf.after, off) or (now_off and leaf.name != "Status")):
            yield watcher_item(Level.DANGEROUS, kept, f"{leaf.text}: switched off", (leaf.path,))


def _failures(kept: Kept) -> Iterator[Item]:
    """Where what fails is kept, and what is written down."""
    for leaf in kept.leaves:
        if leaf.after is not None or leaf.before is None:
            continue
        part = next((name for name in _KEPT_FAILURES if name in leaf.path), "")
        logged = _LOGGING.search(leaf.path)
        if part and not _still(kept.new, part):
            text = f"{part} is gone (was {said(leaf.before)}): what fails is lost unseen"
            yield watcher_item(Level.DANGEROUS, kept, text, (leaf.path,), cause=part)
        elif logged is not None:
            name = logged.group(1)
            if not _still(kept.new, name):
                text = f"{name} is gone: access or execution logging is turned off"
                yield watcher_item(Level.DANGEROUS, kept, text, (leaf.path,), cause=name)


def _still(properties: Any, name: str) -> bool:
    """Whether a property of this name is anywhere inside."""
    if isinstance(properties, Mapping):
        return name in properties or any(_still(each, name) for each in properties.values())
    if isinstance(properties, list):
        return any(_still(each, name) for each in properties)
    return False
