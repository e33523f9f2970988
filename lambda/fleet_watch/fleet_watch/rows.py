# SPDX-License-Identifier: Apache-2.0
"""Turns a message or event about a camera into a row of the latest-state table."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from contracts.fleet import COMPONENT, DEPLOYMENT, DETECTION, PRESENCE, TELEMETRY

DEPLOYMENT_CHANGED = "Greengrass V2 Effective Deployment Status Change"
COMPONENT_CHANGED = "Greengrass V2 Installed Component Status Change"
DEPLOYMENT_DAYS = 90
"""Rows of old deployments expire after this time."""
_DAY_SECONDS = 86_400
_REASON_CHARACTERS = 300


@dataclass(frozen=True, kw_only=True)
class NewRow:
    """A row that replaces an older one: ``order`` names the attribute that is compared."""

    item: dict[str, Any]
    order: str
    known_only: bool = False
    """Write only for cameras of this environment: AWS also reports other systems' things."""


def rows(event: Mapping[str, Any]) -> Iterator[NewRow]:
    """The rows of one message, presence event or Greengrass event.

    Raises ValueError for any other event.
    """
    if "detail-type" in event:
        yield from _greengrass(event)
        return
    kind = event.get("kind")
    if kind not in (DETECTION, TELEMETRY, PRESENCE):
        raise ValueError(f"kind {kind!r}: allowed are {DETECTION}, {TELEMETRY}, {PRESENCE}")
    # DynamoDB does not accept floats.
    item = json.loads(json.dumps(event), parse_float=Decimal)
    if kind == TELEMETRY:
        # A requested picture is not part of the state, and has up to 100 KB.
        item.pop("answer", None)
    order = "sequence" if kind == DETECTION else "received_ms"
    yield NewRow(item=item, order=order, known_only=kind == PRESENCE)


def _greengrass(event: Mapping[str, Any]) -> Iterator[NewRow]:
    detail = event["detail"]
    moment = int(datetime.fromisoformat(event["time"]).timestamp())
    for resource in event["resources"]:
        base = {"thing": resource.rpartition(":")[2], "received_ms": moment * 1000}
        if event["detail-type"] == DEPLOYMENT_CHANGED:
            yield _row(
                base
                | {
                    "kind": DEPLOYMENT + str(detail["deploymentId"]),
                    "status": detail["coreDeviceExecutionStatus"],
                    "reason": str(detail.get("reason") or "")[:_REASON_CHARACTERS],
                    "expires": moment + DEPLOYMENT_DAYS * _DAY_SECONDS,
                }
            )
        elif event["detail-type"] == COMPONENT_CHANGED:
            for component in detail["components"]:
                yield _row(
                    base
                    | {
                        "kind": COMPONENT + component["componentName"],
                        "version": component.get("componentVersion", ""),
                        "state": component["lifecycleState"],
                        "reason": str(component.get("lifecycleStateDetails") or "")[
                            :_REASON_CHARACTERS
                        ],
                    }
                )
        else:
            raise ValueError(f"detail-type {event['detail-type']!r}: no row is defined for it")


def _row(item: dict[str, Any]) -> NewRow:
    return NewRow(item=item, order="received_ms", known_only=True)
