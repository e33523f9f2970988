# SPDX-License-Identifier: Apache-2.0
"""Shows photos to the camera one after another, and finds where each detection was stored."""

import gzip
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from contracts.atomic_file import write_file
from contracts.detection import Detection
from rehearsal.aws_client import Cloud
from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.device import CoreDevice
from training.dataset.photos import as_jpeg

PATIENCE_SECONDS = 45


@dataclass(kw_only=True)
class SortedPhoto:
    """A row of the rehearsal's table. ``archived`` is a key in S3, ``latest`` a row's key."""

    photo: str
    expected: str
    class_name: str = ""
    bin: str = ""
    confidence: float = 0.0
    archived: str | None = None
    latest: str | None = None
    sequence: int = -1

    def report(self) -> dict[str, Any]:
        """The photo for ``report.json``."""
        row = asdict(self)
        row["class"] = row.pop("class_name")
        return row


@dataclass(frozen=True, kw_only=True)
class Playback:
    """Shows photos to one camera and looks for its detections in the cloud."""

    cloud: Cloud
    camera: CoreDevice
    lens: Path
    latest_table: str
    archive_bucket: str

    def show(
        self, photos: list[tuple[Path, str]], *, progress: Callable[[str], None]
    ) -> list[SortedPhoto]:
        """Show each ``(file, expected class)``; return one row for each.

        The next photo is shown when the latest-state row of the one before has arrived, so rows
        and photos belong together. Raises RehearsalError for a photo that is never reported.
        """
        rows = []
        previous = self._latest()
        before = previous.sequence if previous else -1
        shown = len(list(self.lens.glob("[0-9]*.jpg")))
        for number, (photo, expected) in enumerate(photos, start=1):
            progress(f"photo {number} of {len(photos)}: {photo.name}")
            self._present(photo, shown + number)
            detection = self._await(photo, before)
            before = detection.sequence
            rows.append(
                SortedPhoto(
                    photo=f"{photo.parent.name}/{photo.name}",
                    expected=expected,
                    class_name=detection.class_name,
                    bin=detection.bin,
                    confidence=detection.confidence,
                    latest=f"{detection.thing}/{detection.sequence}",
                    sequence=detection.sequence,
                )
            )
        self._find_archived(rows)
        return rows

    def _present(self, photo: Path, number: int) -> None:
        """Put the photo before the lens in one step, as a JPEG whatever it was."""
        write_file(self.lens / f"{number:05d}.jpg", as_jpeg(photo))

    def _await(self, photo: Path, before: int) -> Detection:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            self.camera.check()
            found = self._latest()
            if found is not None and found.sequence > before:
                return found
            time.sleep(0.05)
        raise RehearsalError(
            f"{photo.name}: no detection reached DynamoDB within {PATIENCE_SECONDS} s; "
            f"logs of the camera: {self.camera.folder}"
        )

    def _latest(self) -> Detection | None:
        """The camera's row in the latest-state table, read as the contract says."""
        item = (
            self.cloud.client("dynamodb")
            .get_item(
                TableName=self.latest_table,
                Key={"thing": {"S": self.camera.thing}, "kind": {"S": "detection"}},
                ConsistentRead=True,
            )
            .get("Item")
        )
        return None if item is None else detection_of(item)

    def _find_archived(self, rows: list[SortedPhoto]) -> None:
        """Fill in the archive object of each row; Firehose delivers in batches, so wait for it."""
        wanted = {row.sequence: row for row in rows}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(row.archived is None for row in rows) and time.monotonic() < deadline:
            for key, record in self._archive():
                row = wanted.get(record.sequence)
                if row is not None and record.thing == self.camera.thing:
                    row.archived = key
            time.sleep(0.2)
        lost = [row.photo for row in rows if row.archived is None]
        if lost:
            raise RehearsalError(f"not found in s3://{self.archive_bucket}: {', '.join(lost)}")

    def _archive(self) -> Iterator[tuple[str, Detection]]:
        """Every archived detection with the key of the object that holds it."""
        s3 = self.cloud.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.archive_bucket, Prefix="detections/"
        ):
            for item in page.get("Contents", []):
                if item["Key"].startswith("detections/errors/"):
                    continue
                body = s3.get_object(Bucket=self.archive_bucket, Key=item["Key"])["Body"].read()
                if body[:2] == b"\x1f\x8b":
                    body = gzip.decompress(body)
                for line in io.StringIO(body.decode()):
                    yield item["Key"], Detection.from_json(json.loads(line))


def detection_of(item: Mapping[str, Any]) -> Detection:
    """The detection in a row of the latest-state table, whose values DynamoDB has typed."""
    decode = TypeDeserializer().deserialize
    message = _plain({key: decode(value) for key, value in item.items()})
    if isinstance(message["model"], str):
        # ministack's dynamoDBv2 action writes nested objects as JSON text, AWS as maps.
        message["model"] = json.loads(message["model"])
    return Detection.from_json(message)


def _plain(value: Any) -> Any:
    """DynamoDB's decimals as the numbers that JSON would have given."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    return value
