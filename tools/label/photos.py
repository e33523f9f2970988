# SPDX-License-Identifier: Apache-2.0
"""Writes labelled photos, who labelled them, and the manifest into the dataset bucket."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from tools.dataset import MANIFEST, manifest_of
from tools.label.captures import Capture
from training.dataset.listing import BACKGROUND, MINIMUM_PHOTOS, SUFFIXES, DatasetError

_OURS, _LOG = "capture-", "_labels-"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The manifest that would be written.

    ``files`` are relative to the dataset's folder; ``new`` counts those that the last manifest does
    not have, by class; ``waiting`` counts photos of new classes that have too few of them yet.
    """

    files: tuple[str, ...]
    new: Mapping[str, int]
    waiting: Mapping[str, int]
    tag: str

    @property
    def total(self) -> int:
        """Photos in all."""
        return sum(_is_photo(one) for one in self.files)


class Photos:
    """A dataset in the dataset bucket. Its methods raise botocore's errors."""

    def __init__(
        self,
        s3: Any,
        *,
        bucket: str,
        name: str,
        who: str,
        session: str,
        site_of: Callable[[str], str] = lambda _camera: "",
    ) -> None:
        self._s3 = s3
        self._site_of = site_of
        self._bucket = bucket
        self._name = name
        self._who = who
        # Beside the class folders; prepare reads who labelled what there. A file per session, so
        # that two people do not overwrite each other's lines.
        self._log = f"{name}/{_LOG}{session}.jsonl"
        self._lines: list[str] = []

    def manifest(self) -> tuple[list[str], str]:
        """The files of the last manifest and its ETag; none where nothing was uploaded yet."""
        key = f"{self._name}/{MANIFEST}"
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return [], ""
            raise
        try:
            first, *files = json.loads(answer["Body"].read())
            whole = first["prefix"] == f"s3://{self._bucket}/{self._name}/"
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"s3://{self._bucket}/{key}: not a manifest: {error}") from error
        if not whole:
            raise DatasetError(
                f"s3://{self._bucket}/{key}: prefix is {first['prefix']!r}; "
                f"expected 's3://{self._bucket}/{self._name}/'"
            )
        return [str(one) for one in files], str(answer["ETag"])

    def known(self) -> dict[str, str]:
        """ETag by key of the photos in the manifest and of those that were labelled since."""
        listed = set(self.manifest()[0])
        return {
            f"{self._name}/{path}": tag
            for path, tag in self._stored().items()
            if _is_photo(path) and (path in listed or _is_ours(path))
        }

    def read(self, key: str) -> bytes:
        """A photo's file."""
        content: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return content

    def put(self, capture: Capture, class_name: str) -> None:
        """Write a labelled photo: the region of the capture that the model looked at."""
        self._s3.put_object(
            Bucket=self._bucket,
            Key=f"{self._name}/{class_name}/{capture.photo_name}",
            Body=capture.cut,
            ContentType="image/jpeg",
            # Metadata is ASCII.
            Metadata={
                "labelled-by": quote(self._who, safe=":/@+=,."),
                "capture": quote(capture.key),
                "model": quote(capture.model, safe=" :/."),
            },
        )

    def record(self, capture: Capture, *, decision: str, class_name: str, at: str) -> None:
        """Remember who decided what, for ``write_log``."""
        line = {
            "at": at,
            "by": self._who,
            "capture": capture.key,
            "site": self._site_of(capture.camera),
            "decision": decision,
            **({"class": class_name, "photo": capture.photo_name} if class_name else {}),
            "model": capture.model,
            "reason": capture.reason,
            "probabilities": dict(capture.probabilities),
        }
        self._lines.append(json.dumps(line, ensure_ascii=False))

    def write_log(self) -> None:
        """Write the lines of this session."""
        if self._lines:
            body = "".join(f"{line}\n" for line in self._lines).encode()
            self._s3.put_object(Bucket=self._bucket, Key=self._log, Body=body)

    def plan(self) -> Plan:
        """What the next manifest would name: the last one's files and every labelled photo.

        A class that the last manifest does not have waits until it has enough photos to train on.
        """
        files, tag = self.manifest()
        before = set(files)
        had = {path.split("/", 1)[0] for path in before if _is_photo(path)}
        stored = self._stored()
        added = [path for path in stored if _is_ours(path) and path not in before]
        logs = [path for path in stored if path.startswith(_LOG) and path not in before]
        counts = Counter(path.split("/", 1)[0] for path in added)
        waiting = {
            name: count
            for name, count in counts.items()
            if name not in had and count < MINIMUM_PHOTOS
        }
        taken = [path for path in sorted(added) if path.split("/", 1)[0] not in waiting]
        return Plan(
            files=(*files, *taken, *(sorted(logs) if taken else ())),
            new={name: count for name, count in sorted(counts.items()) if name not in waiting},
            waiting=dict(sorted(waiting.items())),
            tag=tag,
        )

    def write_manifest(self, plan: Plan) -> str:
        """Write the manifest, which starts the training; return its URI.

        Raises DatasetError where it is not a dataset yet, or where somebody else wrote a manifest
        since ``plan``.
        """
        classes = {one.split("/", 1)[0] for one in plan.files if _is_photo(one)} - {BACKGROUND}
        if len(classes) < 2:
            raise DatasetError(
                f"dataset {self._name}: {len(classes)} classes have {MINIMUM_PHOTOS} photos or "
                "more; two or more classes are needed"
            )
        key = f"{self._name}/{MANIFEST}"
        condition = {"IfMatch": plan.tag} if plan.tag else {"IfNoneMatch": "*"}
        try:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=manifest_of(self._bucket, self._name, plan.files),
                **condition,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in ("PreconditionFailed", "412"):
                raise DatasetError(
                    f"s3://{self._bucket}/{key}: someone else has just written a manifest; "
                    "finish again"
                ) from error
            raise
        return f"s3://{self._bucket}/{key}"

    def _stored(self) -> dict[str, str]:
        """ETag by path, relative to the dataset's folder."""
        prefix = f"{self._name}/"
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        return {
            one["Key"].removeprefix(prefix): one["ETag"]
            for page in pages
            for one in page.get("Contents", ())
        }


def classes_of(files: Sequence[str], policy: Sequence[str]) -> list[str]:
    """The classes of a manifest, then those that only the bin policy names."""
    found = {path.split("/", 1)[0] for path in files if _is_photo(path)} - {BACKGROUND}
    folded = {name.casefold() for name in found}
    return [*sorted(found), *sorted(one for one in policy if one.casefold() not in folded)]


def _is_photo(path: str) -> bool:
    return "/" in path and path.lower().endswith(SUFFIXES)


def _is_ours(path: str) -> bool:
    """A photo that this tool wrote: ``<class>/capture-…``."""
    folder, _, name = path.partition("/")
    return bool(folder) and not folder.startswith("_") and name.startswith(_OURS)
