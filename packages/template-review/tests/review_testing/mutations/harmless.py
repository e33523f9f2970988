# SPDX-License-Identifier: Apache-2.0
"""Changes without an effect on data, access or watching."""

from collections.abc import Iterator
from typing import Any

from review_testing.mutations.model import Change, Document, operator
from review_testing.mutations.places import (
    Property,
    adding,
    editing,
    properties,
    resources,
    setting,
)
from template_review.comparison.schema import schema
from template_review.model import Level

_CFN = "https://docs.aws.amazon.com/AWSCloudFormation/latest/"
_TAGS = "https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html: metadata"
_FREE_TEXT = {"Description", "AlarmDescription", "DisplayName", "PipelineDescription"}
_ANY_ORDER = "AWS's resource schemas: insertionOrder false, a set"
Found = Iterator[tuple[str, Change]]


@operator("another description", Level.SAFE, "AWS's resource schemas: free text for people")
def _description(document: Document) -> Found:
    for each in properties(document):
        if each.path[-1] in _FREE_TEXT and isinstance(each.value, str):
            yield each.where, setting(each.path, f"{each.value}, in other words")


@operator("another tag", Level.SAFE, _TAGS)
def _tag(document: Document) -> Found:
    for each in resources(document):
        part = (schema(each.type).get("properties") or {}).get("Tags") or {}
        if part and "Tags" not in (schema(each.type).get("createOnlyProperties") or ()):
            old = each.body.get("Properties", {}).get("Tags")
            more: Any = [*(old or []), {"Key": "owner", "Value": "waste department"}]
            if part.get("type") == "object" or isinstance(old, dict):
                more = {**(old or {}), "owner": "waste department"}
            yield each.name, setting((*each.path, "Properties", "Tags"), more)


@operator(
    "more memory",
    Level.SAFE,
    "https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html",
)
def _memory(document: Document) -> Found:
    for each in resources(document, "AWS::Lambda::Function"):
        path = (*each.path, "Properties", "MemorySize")
        yield each.name, setting(path, each.body["Properties"].get("MemorySize", 128) * 2)


@operator("another dashboard", Level.SAFE, "a dashboard shows metrics, it does nothing with them")
def _dashboard(document: Document) -> Found:
    for each in resources(document, "AWS::CloudWatch::Dashboard"):
        yield each.name, setting((*each.path, "Properties", "DashboardBody"), '{"widgets":[]}')


def _create_only(each: Property, *more: str) -> bool:
    """Whether CloudFormation makes a new resource when this property is written differently."""
    names = "/".join(map(str, (*each.path[len(each.resource.path) :], *more)))
    pointers = schema(each.resource.type).get("createOnlyProperties") or ()
    return any(
        names.startswith(pointer.strip("/").replace("properties", "Properties"))
        for pointer in pointers
    )


@operator("a set in another order", Level.SAFE, _ANY_ORDER)
def _order(document: Document) -> Found:
    for each in properties(document):
        free = each.schema.get("insertionOrder") is False and not _create_only(each)
        if free and isinstance(each.value, list) and len(each.value) > 1:
            yield each.where, setting(each.path, each.value[::-1])


@operator("a default written out", Level.SAFE, "AWS's resource schemas: default")
def _default(document: Document) -> Found:
    for each in properties(document):
        if not isinstance(each.value, dict) or len(each.path) != len(each.resource.path) + 1:
            continue
        for name, part in (each.schema.get("properties") or {}).items():
            path = (*each.path, name)
            if "default" in part and name not in each.value and not _create_only(each, name):
                yield f"{each.where} {name}", setting(path, part["default"])


@operator("metadata", Level.SAFE, _CFN + "UserGuide/aws-attribute-metadata.html")
def _metadata(document: Document) -> Found:
    for each in resources(document):
        value = {**each.body.get("Metadata", {}), "Note": "for people"}
        yield each.name, setting((*each.path, "Metadata"), value)


@operator("an order of making", Level.SAFE, _CFN + "UserGuide/aws-attribute-dependson.html")
def _depends(document: Document) -> Found:
    for each in resources(document, "AWS::CloudWatch::Alarm"):
        yield each.name, setting((*each.path, "DependsOn"), ["Problems"])


@operator(
    "an output", Level.SAFE, _CFN + "UserGuide/outputs-section-structure.html: it says a value"
)
def _output(document: Document) -> Found:
    for name in document["stacks"]:
        value = {"Description": "For people", "Value": "something"}
        path = ("stacks", name, "template", "Outputs")

        def edit(template: dict[str, Any], value: dict[str, str] = value) -> None:
            template.setdefault("Outputs", {})["MoreToKnow"] = value

        yield f"{name} {path[-1]}", editing(path[:-1], edit)


@operator(
    "a stack's description", Level.SAFE, _CFN + "UserGuide/template-description-structure.html"
)
def _stack_description(document: Document) -> Found:
    for name in document["stacks"]:
        path = ("stacks", name, "template", "Description")
        yield name, setting(path, "The same in other words")


@operator("one more watcher", Level.SAFE, "a new alarm, log group or dashboard reads only")
def _watcher(document: Document) -> Found:
    alarm = next(resources(document, "AWS::CloudWatch::Alarm"))
    filter_ = next(resources(document, "AWS::Logs::MetricFilter"))
    for name, body in (
        ("AnotherAlarm", alarm.body),
        ("AnotherFilter", filter_.body),
        ("AnotherGroup", {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}}),
        (
            "AnotherDashboard",
            {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": "{}"}},
        ),
    ):
        yield name, adding(document, "Insights", name, body)


@operator(
    "an intrinsic function written differently",
    Level.SAFE,
    _CFN + "UserGuide/intrinsic-function-reference-sub.html: equal to Ref, GetAtt and Join",
)
def _as_sub(document: Document) -> Found:
    for each in properties(document):
        value = each.value
        if isinstance(value, dict) and set(value) == {"Fn::GetAtt"}:
            name, attribute = value["Fn::GetAtt"]
            yield each.where, setting(each.path, {"Fn::Sub": f"${{{name}.{attribute}}}"})
        elif isinstance(value, dict) and set(value) == {"Ref"}:
            yield each.where, setting(each.path, {"Fn::Sub": f"${{{value['Ref']}}}"})


_NEUTRAL = (
    ("AWS::Lambda::Function", ("Timeout",), 17),
    ("AWS::Lambda::Function", ("Runtime",), "python3.12"),
    (
        "AWS::KinesisFirehose::DeliveryStream",
        ("ExtendedS3DestinationConfiguration", "Prefix"),
        "x/",
    ),
    ("AWS::CloudWatch::Alarm", ("Period",), 600),
    ("AWS::Glue::Table", ("TableInput", "TableType"), "VIRTUAL_VIEW"),
)


@operator("something that behaves differently", Level.LOOK, "each property's own page")
def _neutral(document: Document) -> Found:
    for kind, path, value in _NEUTRAL:
        for each in resources(document, kind):
            full = (*each.path, "Properties", *path)
            yield f"{each.name} {path[-1]}", setting(full, value)
