# SPDX-License-Identifier: Apache-2.0
"""Finds settings that AWS would refuse only at deployment, or that contradict each other there.

The limits are those of ``infra/config/limits``; a template that breaks one fails synth
(BINSIGHT-LIM1 to LIM4). This check names the key at fault before anything is synthesised.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from infra.config.limits import (
    IOT_POLICY,
    RECIPE,
    STATE_MACHINE_HISTORY,
    THING_NAME,
    TOPIC,
    TOPIC_SLASHES,
)
from infra.config.messages_policy import messages_policy
from infra.config.tags import faults

if TYPE_CHECKING:
    from infra.config.settings import Settings

_TAKEN = {
    "aws": "Greengrass keeps names of components that begin with aws.",
    "default": "the Glue database of that name is there before",
    "primary": "the Athena workgroup of that name is there before",
}
_RESERVED = ("xn--", "sthree-", "amzn-s3-demo-")
"""What S3 lets no bucket's name begin with."""
EVENTS_OF_A_LOOK = 9
"""Events that one look of a bake adds to the execution's history: wait, ask, judge."""
_HISTORY_OF_A_BAKE = 2000
"""The part of the history for the looks; a bake in which no canary was heard is as long again.
Checks of a deployment wait longer and longer, so they fit with any setting."""
_RECIPE_KEPT_FREE = 4096
_ALARM_MINUTES = 5
"""The period of the alarm that tells of late deliveries."""


def over_limits(settings: Settings) -> Iterator[str]:
    """One line for each setting that AWS would refuse: key, value, what is allowed."""
    yield from (f"tags: {shown}: allowed: {allowed}" for shown, allowed in faults(settings.tags))
    yield from _prefix(settings.prefix)
    yield from _topic_prefix(settings)
    yield from _bins(settings)
    rollout = settings.rollout
    looks = EVENTS_OF_A_LOOK * rollout.bake_minutes * 60
    if looks // rollout.look_seconds > _HISTORY_OF_A_BAKE:
        yield (
            f"rollout.look_seconds = {rollout.look_seconds}: allowed: "
            f"{-(-looks // _HISTORY_OF_A_BAKE)} or more with rollout.bake_minutes = "
            f"{rollout.bake_minutes}, because {STATE_MACHINE_HISTORY}, and {_HISTORY_OF_A_BAKE:,} "
            f"of them are for the bake, which would make {looks // rollout.look_seconds:,}"
        )
    insights = settings.insights
    shortest = -(-insights.delivery_seconds // 60) + _ALARM_MINUTES
    if insights.delivery_late_minutes < shortest:
        yield (
            f"insights.delivery_late_minutes = {insights.delivery_late_minutes}: allowed: "
            f"{shortest} or more with insights.delivery_seconds = {insights.delivery_seconds}, "
            "because detections may wait that long before they are delivered and the alarm would "
            "never end"
        )


def _prefix(prefix: str) -> Iterator[str]:
    if prefix in _TAKEN:
        yield f"prefix = {prefix!r}: allowed: another name, because {_TAKEN[prefix]}"
    if prefix.startswith(_RESERVED):
        yield (
            f"prefix = {prefix!r}: allowed: one that does not begin with {', '.join(_RESERVED)}, "
            "because S3 takes no bucket of such a name"
        )


def _topic_prefix(settings: Settings) -> Iterator[str]:
    prefix = settings.camera.topic_prefix
    key = f"camera.topic_prefix = {prefix!r}"
    longest = settings.topics.detections("x" * THING_NAME.most)
    if len(longest) > TOPIC.most:
        most = len(prefix) - (len(longest) - TOPIC.most)
        yield f"{key}: allowed: at most {most} characters, because {TOPIC}, the camera's name in it"
    if longest.count("/") > TOPIC_SLASHES.most:
        most = prefix.count("/") - (longest.count("/") - TOPIC_SLASHES.most) + 1
        yield f"{key}: allowed: at most {most} segments, because {TOPIC_SLASHES}"
    document = messages_policy(settings.region, settings.account, prefix)
    text = json.dumps(document, separators=(",", ":"))
    if len(text) > IOT_POLICY.most:
        times = text.count(f"/{prefix}/")
        most = len(prefix) - -(-(len(text) - IOT_POLICY.most) // times)
        yield (
            f"{key}: allowed: at most {most} characters in {settings.region}, because {IOT_POLICY} "
            f"and the cameras' would have {len(text):,}"
        )


def _bins(settings: Settings) -> Iterator[str]:
    size = len(json.dumps(settings.bins.policy().to_json()).encode())
    most = RECIPE.most - _RECIPE_KEPT_FREE
    if size > most:
        yield (
            f"bins.classes: as JSON text {size:,} bytes: allowed: {most:,}, because {RECIPE}, "
            "where the camera program's settings are"
        )
