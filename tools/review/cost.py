# SPDX-License-Identifier: Apache-2.0
"""What an environment costs a month, estimated from its templates and a stated use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.review import prices
from tools.review.iot_sql import query
from tools.review.model import Assembly, Item, Level, Pair, Section
from tools.review.pipeline import TYPE as PIPELINE
from tools.review.pipeline import definition, steps
from tools.review.properties import at
from tools.review.text import Texts, short


@dataclass(frozen=True)
class Use:
    """How much an environment is used; templates cannot say that."""

    cameras: int = 10
    items_per_camera_and_day: int = 1000
    trainings: int = 4
    hours_per_step: float = 0.5
    stored_gb: float = 20.0

    @property
    def words(self) -> str:
        """The assumptions, for the review."""
        return (
            f"{self.cameras} cameras with {self.items_per_camera_and_day} items a day each and a "
            f"telemetry message a minute, {self.trainings} trainings a month of "
            f"{self.hours_per_step:g} h per step, {self.stored_gb:g} GB per bucket that stores data"
        )


def monthly(assembly: Assembly, use: Use | None = None) -> dict[str, float]:
    """Dollars a month by what they are for. An estimate: see tools/review/prices.py."""
    found: dict[str, float] = {}
    for name, amount in _parts(assembly, use or Use()):
        found[name] = found.get(name, 0.0) + amount
    return {name: round(amount, 2) for name, amount in sorted(found.items()) if amount >= 0.005}


def cost_items(pair: Pair) -> list[Item]:
    """The estimate before and after, and what makes the difference."""
    if pair.base is None or pair.head is None:
        return []
    before, after = monthly(pair.base), monthly(pair.head)
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
    text = f"about ${old:.0f} -> ${new:.0f} a month ({more:+.2f})"
    return [Item(Section.COST, level, "estimate", text, "~", details)]


def _parts(assembly: Assembly, use: Use) -> Iterator[tuple[str, float]]:
    texts = Texts(assembly)
    detections = use.cameras * use.items_per_camera_and_day * 30 / 1e6
    telemetry = use.cameras * 60 * 24 * 30 / 1e6
    for stack in assembly.stacks.values():
        for name, resource in stack.resources.items():
            kind = str(resource.get("Type"))
            properties = texts.value(resource.get("Properties") or {}, stack)
            label = kind.removeprefix("AWS::").replace("::", " ")
            if kind in prices.FIXED:
                yield label, prices.FIXED[kind]
            elif kind == PIPELINE:
                yield "SageMaker training", _training(properties, use)
            elif kind in {"AWS::SageMaker::NotebookInstance", "AWS::SageMaker::EndpointConfig"}:
                yield f"{label} {short(name)}", _always_on(properties)
            elif kind == "AWS::S3::Bucket":
                yield "S3 storage", use.stored_gb * prices.S3_GB_MONTH
            elif kind == "AWS::Logs::LogGroup":
                yield "CloudWatch logs", _logs(properties)
            elif kind == "AWS::IoT::TopicRule":
                topic = _topic(properties)
                messages = telemetry if topic.endswith("telemetry") else detections
                actions = len(at(properties, "TopicRulePayload.Actions") or ())
                each = prices.IOT_MILLION_RULES + actions * prices.IOT_MILLION_ACTIONS
                yield "IoT rules", messages * each
                if "DynamoDB" in str(properties):
                    yield "DynamoDB writes", messages * prices.DYNAMODB_MILLION_WRITES
            elif kind == "AWS::GreengrassV2::Deployment":
                yield "Greengrass cameras", use.cameras * prices.GREENGRASS_CAMERA
                yield "IoT messages", (detections + telemetry) * prices.IOT_MILLION_MESSAGES
                yield "IoT connections", use.cameras * prices.IOT_CAMERA_CONNECTED
            elif kind == "AWS::KinesisFirehose::DeliveryStream":
                # Firehose counts every record as 5 KB at least.
                yield "Firehose", detections * 1e6 * 5 / 1e6 * prices.FIREHOSE_GB


def _training(properties: Mapping[str, Any], use: Use) -> float:
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
                hourly = prices.INSTANCE_HOUR.get(str(machine), 1.0)
                total += hourly * float(count or 1) * use.hours_per_step
    return total * use.trainings


def _chosen(value: Any, defaults: Mapping[Any, Any]) -> Any:
    """The value, or the default of the pipeline's parameter that it refers to."""
    if isinstance(value, Mapping):
        return defaults.get(str(value.get("Get")).removeprefix("Parameters."))
    return value


def _always_on(properties: Mapping[str, Any]) -> float:
    machines = [properties, *(properties.get("ProductionVariants") or ())]
    total = sum(
        prices.INSTANCE_HOUR.get(str(each.get("InstanceType")), 1.0)
        * float(each.get("InitialInstanceCount", 1))
        * prices.HOURS
        for each in machines
        if each.get("InstanceType")
    )
    return total + float(properties.get("VolumeSizeInGB", 0)) * prices.VOLUME_GB_MONTH


def _logs(properties: Mapping[str, Any]) -> float:
    gigabytes = 0.1
    months = float(properties.get("RetentionInDays", 365)) / 30
    return gigabytes * (prices.LOGS_GB + months * prices.LOGS_GB_MONTH)


def _topic(properties: Mapping[str, Any]) -> str:
    found = query(str(at(properties, "TopicRulePayload.Sql")))
    return found.topic if found else ""
