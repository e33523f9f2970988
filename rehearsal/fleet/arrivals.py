# SPDX-License-Identifier: Apache-2.0
"""What arrived of a fleet's messages, in the archive and in the table, against what was sent."""

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from rehearsal.aws_client import Cloud
from rehearsal.fleet.digests import digest
from rehearsal.fleet.sites import Put

READERS = 4
MANY = 12


@dataclass(kw_only=True)
class Arrivals:
    """Detections by thing and number: the digests of every copy; the table's row of each thing.

    ``others``: numbers of items of things that are not ours. ``messages`` and ``stored``: messages
    and bytes in each table of the archive, of all things.
    """

    detections: Mapping[str, Mapping[int, list[str]]]
    latest: Mapping[str, int]
    telemetry: int
    others: Mapping[str, set[int]] = field(default_factory=dict)
    messages: Mapping[str, int] = field(default_factory=dict)
    stored: Mapping[str, int] = field(default_factory=dict)

    @property
    def items(self) -> int:
        """Different items that arrived."""
        return sum(len(numbers) for numbers in self.detections.values())


def read(
    cloud: Cloud,
    outputs: Mapping[str, str],
    *,
    ours: Callable[[str], bool],
    known: dict[str, bytes],
) -> Arrivals:
    """Read the archive and the table of latest states: what is of things that are ``ours``.

    ``known`` has the objects that were read before, by key, and gets the new ones: what Firehose
    wrote does not change.
    """
    bucket = outputs["ArchiveBucket"]
    found: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    others: dict[str, set[int]] = defaultdict(set)
    messages, stored = Counter[str](), Counter[str]()
    for document in _documents(cloud, bucket, "detections", stored, known):
        messages["detections"] += 1
        if ours(document["thing"]):
            number = int(document["sequence"])
            found[document["thing"]][number].append(digest(document))
        else:
            others[document["thing"]].add(int(document["sequence"]))
    latest = {}
    pages = (
        cloud.client("dynamodb").get_paginator("scan").paginate(TableName=outputs["LatestTable"])
    )
    for page in pages:
        for row in page["Items"]:
            if row["kind"]["S"] == "detection":
                latest[row["thing"]["S"]] = int(row["sequence"]["N"])
    telemetry = 0
    for document in _documents(cloud, bucket, "telemetry", stored, known):
        messages["telemetry"] += 1
        telemetry += ours(document["thing"])
    return Arrivals(
        detections=found,
        latest=latest,
        telemetry=telemetry,
        others=others,
        messages=messages,
        stored=stored,
    )


def _documents(
    cloud: Cloud, bucket: str, table: str, stored: Counter[str], known: dict[str, bytes]
) -> Iterator[dict[str, Any]]:
    s3 = cloud.client("s3")

    def get(key: str) -> bytes:
        if key not in known:
            body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            known[key] = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        return known[key]

    with ThreadPoolExecutor(READERS) as pool:
        for body in pool.map(get, _keys(cloud, bucket, f"{table}/", stored)):
            for line in body.decode().splitlines():
                yield json.loads(line)


def _keys(cloud: Cloud, bucket: str, prefix: str, stored: Counter[str]) -> Iterator[str]:
    pages = cloud.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            if not item["Key"].startswith(f"{prefix}errors/"):
                stored[prefix.strip("/")] += int(item["Size"])
                yield item["Key"]


@dataclass(kw_only=True)
class Comparison:
    """Items of a fleet: what was sent against what arrived."""

    sent: int = 0
    arrived: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    """Items that had been on a disk, or sent, and did not arrive; by thing."""
    cut: dict[str, int] = field(default_factory=dict)
    """Items that were in the memory of a camera that lost its power; by thing."""
    copies: dict[str, int] = field(default_factory=dict)
    """Times that an item came again, by thing."""
    details: list[str] = field(default_factory=list)
    """Which items were lost."""
    strange: list[str] = field(default_factory=list)
    """What may never be: items that nobody sent, one number with two contents, a stale row."""


def compare(
    sent: Mapping[str, Put], arrivals: Arrivals, *, until: Mapping[str, Set[int]] | None = None
) -> Comparison:
    """Compare item by item.

    ``until``: the items of things that may have sent no others, because they were refused then.
    """
    until = until or {}
    lost, cut, copies = Counter[str](), Counter[str](), Counter[str]()
    strange: list[str] = []
    details: list[str] = []
    for thing, put in sent.items():
        arrived = arrivals.detections.get(thing, {})
        expected = until.get(thing, put.items.keys())
        strange += [
            f"{thing} number {number}: arrived although it was refused"
            for number in arrived.keys() - expected
            if thing in until
        ]
        missing = expected - arrived.keys()
        lost[thing] = len(missing & put.safe)
        if lost[thing]:
            details.append(f"{thing} lost {_short(missing & put.safe)} of {_short(expected)}")
        cut[thing] = len(missing - put.safe)
        copies[thing] = sum(len(digests) - 1 for digests in arrived.values())
        for number, digests in arrived.items():
            if set(digests) != {put.items.get(number)}:
                strange.append(f"{thing} number {number}: {sorted(set(digests))} arrived")
        if arrived and arrivals.latest.get(thing) != max(arrived):
            strange.append(
                f"{thing}: the table has {arrivals.latest.get(thing)}, not {max(arrived)}"
            )
    strange += [f"{thing} is nobody's" for thing in arrivals.detections.keys() - sent.keys()]
    return Comparison(
        sent=sum(len(until.get(thing, put.items)) for thing, put in sent.items()),
        arrived=arrivals.items,
        lost=dict(+lost),
        cut=dict(+cut),
        copies=dict(+copies),
        details=details,
        strange=strange,
    )


def _short(numbers: Set[int]) -> str:
    """Some numbers of many, in order."""
    shown = sorted(numbers)
    if len(shown) > MANY:
        return f"{shown[0]} to {shown[-1]} ({len(shown)})"
    return ", ".join(map(str, shown))
