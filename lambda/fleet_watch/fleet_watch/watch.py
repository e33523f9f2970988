# SPDX-License-Identifier: Apache-2.0
"""One run of the watcher: reads the fleet, reports faults, writes metrics, stores its state."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from contracts.fleet import (
    REPORT,
    REPORT_THING,
    TELEMETRY,
    Camera,
    Row,
    Watched,
    cameras,
    packed,
    unpacked,
)
from fleet_watch.faults import Fault, Report, compare, mail, missing_since, present
from fleet_watch.settings import Settings

_READ = ("thing", "kind", "received_ms", "problem", "event", "status", "reason", "state", "report")


def run(settings: Settings, clients: Mapping[str, Any], now_ms: int) -> dict[str, int]:
    """Do one run and return the metrics that were written.

    A mail is sent before the report is stored, so that a failure between the two repeats the mail
    instead of losing it. The metrics are written last and show that the whole run succeeded.
    """
    table = clients["dynamodb"].Table(settings.table)
    rows = list(_rows(table))
    report = _last_report(rows, now_ms)
    members = list(_members(clients["iot"], settings.group))
    heard = [row["thing"] for row in rows if row["kind"] == TELEMETRY]
    missing = missing_since(members, heard, report, now_ms)
    watched = Watched(
        now_ms=now_ms,
        silent_after_ms=settings.silent_after_ms,
        deployment=_deployment(clients["greengrass"], settings.group_arn),
        missing_since_ms=missing,
    )
    fleet = cameras(rows, members, watched)
    faults = present(fleet, now_ms)
    after, letter = mail(compare(report, faults, now_ms), place=settings.place)
    if letter:
        clients["sns"].publish(TopicArn=settings.topic, Subject=letter.subject, Message=letter.text)
    table.put_item(
        Item={
            "thing": REPORT_THING,
            "kind": REPORT,
            "received_ms": now_ms,
            "report": packed(replace(after, missing_since_ms=missing).to_json()),
            # For people who read the table.
            "deployment": watched.deployment,
        }
    )
    metrics = _metrics(fleet)
    _log(fleet, faults, metrics)
    clients["cloudwatch"].put_metric_data(
        Namespace=settings.namespace,
        MetricData=[
            {"MetricName": name, "Value": value, "Unit": "Count"} for name, value in metrics.items()
        ],
    )
    return metrics


def _metrics(fleet: Sequence[Camera]) -> dict[str, int]:
    """Numbers of cameras, each counted once."""
    speaking = [one for one in fleet if one.silent_since_ms is None]
    return {
        "Cameras": len(fleet),
        "SilentCameras": len(fleet) - len(speaking),
        "CamerasWithProblem": sum(bool(one.problems) for one in speaking),
        "CamerasRefusingProgram": sum(bool(one.refused) for one in speaking),
        "CamerasBroken": sum(bool(one.broken) for one in speaking),
        "CamerasOnCurrentProgram": sum(one.reached for one in fleet),
    }


def _log(fleet: Sequence[Camera], faults: Mapping[str, Fault], metrics: Mapping[str, int]) -> None:
    """Log the metrics, every silent camera and every fault, one JSON line each."""
    print(json.dumps({"metrics": metrics}))
    for one in fleet:
        if one.silent_since_ms is not None:
            silent = {"silent": one.thing, "since_ms": one.silent_since_ms}
            print(json.dumps({**silent, "connected": one.connected}))
    for key, fault in faults.items():
        if not key.startswith("silent:"):
            print(json.dumps({"fault": fault.text, "cameras": fault.cameras, "some": fault.names}))


def _rows(table: Any) -> Iterator[Row]:
    names = {f"#{number}": name for number, name in enumerate(_READ)}
    query = {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}
    client = table.meta.client
    for page in client.get_paginator("scan").paginate(TableName=table.name, **query):
        yield from page["Items"]


def _last_report(rows: Sequence[Row], now_ms: int) -> Report:
    for row in rows:
        if row["thing"] == REPORT_THING:
            return Report.from_json(unpacked(row["report"].value))
    return Report(at_ms=now_ms)


def _members(iot: Any, group: str) -> Iterator[str]:
    pages = iot.get_paginator("list_things_in_thing_group").paginate(thingGroupName=group)
    for page in pages:
        yield from page["things"]


def _deployment(greengrass: Any, group_arn: str) -> str:
    """Id of the group's newest deployment; empty if there is none."""
    found = greengrass.list_deployments(targetArn=group_arn, historyFilter="LATEST_ONLY")
    deployments = found["deployments"]
    return str(deployments[0]["deploymentId"]) if deployments else ""
