# SPDX-License-Identifier: Apache-2.0
"""The monthly cost of an environment, estimated from its templates, a price table and an assumed
use."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from template_review.comparison.properties import at, number
from template_review.comparison.text import Texts, short
from template_review.cost.prices import HOURS, Prices, Use
from template_review.iot.sql import query
from template_review.model import Assembly, Item, Level, Pair, Project, Section
from template_review.sagemaker.pipeline import TYPE as PIPELINE
from template_review.sagemaker.pipeline import definition, steps

Part = tuple[str, float]
"""What it is for, and its dollars a month in the table's region."""
_FIREHOSE_KB = 5
"""Firehose counts every record as at least so much."""
_LOGGED_GB = 0.1
"""Written to each log group in a month."""


def monthly(assembly: Assembly, project: Project) -> dict[str, float]:
    """Dollars a month by what they are for; types without a price count as nothing."""
    found: dict[str, float] = {}
    texts = Texts(assembly)
    for stack in assembly.stacks.values():
        factor = project.prices.factor(stack.region)
        for name, resource in stack.resources.items():
            properties = texts.value(resource.get("Properties") or {}, stack)
            kind = str(resource.get("Type"))
            for label, amount in _parts(kind, short(name), properties, project):
                found[label] = found.get(label, 0.0) + factor * amount
    return {name: round(amount, 2) for name, amount in sorted(found.items()) if amount >= 0.005}


def cost_items(pair: Pair) -> list[Item]:
    """The estimate before and after, and what makes the difference."""
    if pair.base is None or pair.head is None:
        return []
    before, after = monthly(pair.base, pair.project), monthly(pair.head, pair.project)
    old, new = sum(before.values()), sum(after.values())
    if before == after:
        return []
    details = tuple(
        f"{name}: ${before.get(name, 0):.2f} -> ${after.get(name, 0):.2f}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )
    more = new - old
    level = Level.LOOK if more > max(5.0, 0.2 * old) else Level.SAFE
    dated = pair.project.prices.words
    text = f"about ${old:.0f} -> ${new:.0f} a month ({more:+.2f}) at {dated}"
    return [Item(Section.COST, level, "estimate", text, "~", details)]


def _parts(kind: str, name: str, properties: Mapping[str, Any], project: Project) -> Iterator[Part]:
    use, prices = project.use, project.prices
    label = kind.removeprefix("AWS::").replace("::", " ")
    if kind in prices.resource_month:
        yield label, prices.resource_month[kind]
    elif kind in _MACHINES:
        yield f"{label} {name}", _always_on(properties, prices)
    elif kind in _BY_USE:
        yield from _BY_USE[kind](properties, use, prices)


def _pipeline(properties: Mapping[str, Any], use: Use, prices: Prices) -> Iterator[Part]:
    document = definition(properties)
    defaults = {
        each.get("Name"): each.get("DefaultValue") for each in document.get("Parameters") or ()
    }
    total = 0.0
    for step in steps(document).values():
        for path in ("Arguments.ProcessingResources.ClusterConfig", "Arguments.ResourceConfig"):
            cluster = at(step, path)
            if cluster:
                machine = _chosen(cluster.get("InstanceType"), defaults)
                count = _chosen(cluster.get("InstanceCount", 1), defaults)
                total += prices.machine(str(machine)) * _number(count, 1) * use.hours_per_step
    yield "SageMaker training", total * use.pipeline_runs


def _chosen(value: Any, defaults: Mapping[Any, Any]) -> Any:
    """The value, or the default of the pipeline's parameter that it refers to."""
    if isinstance(value, Mapping):
        return defaults.get(str(value.get("Get")).removeprefix("Parameters."))
    return value


def _always_on(properties: Mapping[str, Any], prices: Prices) -> float:
    variants = properties.get("ProductionVariants") or ()
    machines = [each for each in (properties, *variants) if isinstance(each, Mapping)]
    zones = 2 if str(properties.get("MultiAZ")).lower() == "true" else 1
    total = sum(
        prices.machine(str(machine)) * _number(each.get("InitialInstanceCount"), zones) * HOURS
        for each in machines
        if (machine := each.get("InstanceType") or each.get("DBInstanceClass"))
    )
    return total + _number(properties.get("VolumeSizeInGB"), 0) * prices.unit["volume_gb_month"]


def _number(value: Any, otherwise: float) -> float:
    """A number of the template; ``otherwise`` where it has none, or one that a parameter has."""
    found = number(value)
    return otherwise if found is None else found


def _bucket(properties: Mapping[str, Any], use: Use, prices: Prices) -> Iterator[Part]:  # noqa: ARG001
    yield "S3 storage", use.stored_gb * prices.unit["s3_gb_month"]


def _logs(properties: Mapping[str, Any], use: Use, prices: Prices) -> Iterator[Part]:  # noqa: ARG001
    months = _number(properties.get("RetentionInDays"), 365) / 30
    each = prices.unit["logs_gb"] + months * prices.unit["logs_gb_month"]
    yield "CloudWatch logs", _LOGGED_GB * each


def _topic_rule(properties: Mapping[str, Any], use: Use, prices: Prices) -> Iterator[Part]:
    found = query(str(at(properties, "TopicRulePayload.Sql")))
    messages = use.millions(found.topic if found else "")
    listed = at(properties, "TopicRulePayload.Actions") or ()
    actions = [name for each in listed if isinstance(each, Mapping) for name in each]
    unit = prices.unit
    each = unit["iot_million_rules"] + len(actions) * unit["iot_million_actions"]
    yield "IoT rules", messages * each
    for action in actions:
        if action.lower().startswith("dynamodb"):
            yield "DynamoDB writes", messages * unit["dynamodb_million_writes"]
        elif action.lower() == "firehose":
            yield "Firehose", messages * _FIREHOSE_KB * unit["firehose_gb"]


def _greengrass(properties: Mapping[str, Any], use: Use, prices: Prices) -> Iterator[Part]:  # noqa: ARG001
    unit = prices.unit
    yield "Greengrass devices", use.devices * unit["greengrass_device_month"]
    yield "IoT messages", use.millions() * unit["iot_million_messages"]
    yield "IoT connections", use.devices * unit["iot_device_connected_month"]


_MACHINES = {
    "AWS::RDS::DBInstance",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::NotebookInstance",
}
_BY_USE: Mapping[str, Callable[[Mapping[str, Any], Use, Prices], Iterator[Part]]] = {
    "AWS::GreengrassV2::Deployment": _greengrass,
    "AWS::IoT::TopicRule": _topic_rule,
    "AWS::Logs::LogGroup": _logs,
    "AWS::S3::Bucket": _bucket,
    PIPELINE: _pipeline,
}
