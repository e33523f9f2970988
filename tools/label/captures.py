# SPDX-License-Identifier: Apache-2.0
"""Reads and removes what cameras wrote into the captures bucket."""

import base64
import binascii
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from PIL import Image

from contracts.cut import Box
from training.dataset.duplicates import Likeness, likeness

_SMALLEST_SIDE = 16
"""Pixels; training refuses smaller photos."""
_METADATA = "prediction"


class CaptureError(Exception):
    """An object in the captures bucket is missing or not a capture; the message names its key."""


@dataclass(frozen=True, kw_only=True)
class Capture:
    """A frame that a camera kept, and the model's answer.

    ``region`` is in the frame's pixels; None: the whole frame. ``cut`` is the JPEG of the region,
    which becomes the labelled photo; ``likeness`` is its fingerprint. ``probabilities`` is in
    descending order, and empty if the model had too many classes for the object's metadata.
    """

    key: str
    frame: bytes
    width: int
    height: int
    region: Box | None
    cut: bytes
    likeness: Likeness
    probabilities: tuple[tuple[str, float], ...]
    reason: str
    model: str

    @property
    def camera(self) -> str:
        """The camera's thing name."""
        return self.key.rpartition("/")[0]

    @property
    def photo_name(self) -> str:
        """The file name of the labelled photo: the camera and the time, in milliseconds."""
        path = PurePosixPath(self.key)
        return f"capture-{path.parent.as_posix().replace('/', '_').replace(':', '_')}-{path.name}"


class Captures:
    """The captures bucket. Its methods raise botocore's errors."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def keys(self) -> list[str]:
        """All captures, by camera and time."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        found = [one["Key"] for page in pages for one in page.get("Contents", ())]
        return sorted(key for key in found if key.endswith(".jpg"))

    def read(self, key: str) -> Capture:
        """One capture. Raises CaptureError where it is gone or no JPEG with a prediction."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key)
        except self._s3.exceptions.NoSuchKey as error:
            raise CaptureError(f"{key}: it is no longer in the bucket") from error
        frame = answer["Body"].read()
        return parse(key, frame, answer.get("Metadata", {}).get(_METADATA, ""))

    def remove(self, key: str) -> None:
        """Delete it; the bucket keeps the old version for ``data.noncurrent_days``."""
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    def discard(self, key: str) -> None:
        """Delete every version of it, so that it cannot be restored."""
        pages = self._s3.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=key
        )
        versions = [
            one["VersionId"]
            for page in pages
            for kind in ("Versions", "DeleteMarkers")
            for one in page.get(kind, ())
            if one["Key"] == key
        ]
        for version in versions:
            self._s3.delete_object(Bucket=self._bucket, Key=key, VersionId=version)


def parse(key: str, frame: bytes, prediction: str) -> Capture:
    """A capture from an object's content and the metadata that the camera wrote."""
    try:
        document = json.loads(base64.b64decode(prediction, validate=True)) if prediction else {}
    except (binascii.Error, ValueError) as error:
        raise CaptureError(f"{key}: metadata {_METADATA}: {error}") from error
    if not isinstance(document, Mapping):
        raise CaptureError(f"{key}: metadata {_METADATA}: expected an object")
    try:
        with Image.open(io.BytesIO(frame), formats=("JPEG",)) as image:
            picture = image.convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise CaptureError(f"{key}: it cannot be decoded as JPEG") from error
    region = _region(document.get("region"), picture)
    cut, content = picture, frame
    if region is not None:
        cut = picture.crop(region)
        packed = io.BytesIO()
        cut.save(packed, "JPEG", quality=95, subsampling=0)
        content = packed.getvalue()
    return Capture(
        key=key,
        frame=frame,
        width=picture.width,
        height=picture.height,
        region=region,
        cut=content,
        likeness=likeness(cut),
        probabilities=_probabilities(document.get("probabilities")),
        reason=str(document.get("reason", "")),
        model=_model(document.get("model")),
    )


def _region(found: object, picture: Image.Image) -> Box | None:
    """The region inside the picture; None if training could not use it."""
    numbers = isinstance(found, list) and all(isinstance(one, (int, float)) for one in found)
    if not isinstance(found, list) or not numbers or len(found) != len(Box._fields):
        return None
    left, top, right, bottom = (int(one) for one in found)
    box = Box(max(left, 0), max(top, 0), min(right, picture.width), min(bottom, picture.height))
    return box if min(box.width, box.height) >= _SMALLEST_SIDE else None


def _probabilities(found: object) -> tuple[tuple[str, float], ...]:
    if not isinstance(found, Mapping):
        return ()
    values = [(str(name), float(value)) for name, value in found.items()]
    return tuple(sorted(values, key=lambda one: -one[1]))


def _model(found: object) -> str:
    """The model's name, for people."""
    if isinstance(found, Mapping):
        return str(found.get("version") or found.get("digest") or "")
    return str(found or "")
