# SPDX-License-Identifier: Apache-2.0
"""Reads what a SageMaker Ground Truth job for image classification writes: ``output.manifest``.

Each line is a JSON object: ``source-ref`` is the photo's address in S3, the label attribute (named
by the job) a number, and ``<label attribute>-metadata`` has the class's name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import Any
from urllib.parse import unquote

from contracts.given import parsed_json
from contracts.text_file import decoded_text
from training.dataset.listing import DatasetError

SUFFIX = ".manifest"
_OF_JOB = Path("manifests/output/output.manifest")
_METADATA, _SOURCE = "-metadata", "source-ref"
_TYPE = "groundtruth/image-classification"
_SHOWN = 3


@dataclass(frozen=True)
class Labelled:
    """The photos of a manifest: ``(class, path below a folder, file)``, and what was left out."""

    photos: list[tuple[str, str, Path]] = field(default_factory=list)
    unlabelled: int = 0


def manifest_in(folder: Path) -> Path | None:
    """The output manifest in a folder: the only ``*.manifest``, or where a job leaves it."""
    if (folder / _OF_JOB).is_file():
        return folder / _OF_JOB
    found = sorted(folder.glob(f"*{SUFFIX}"))
    return found[0] if len(found) == 1 else None


def is_manifest(path: Path) -> bool:
    """Whether a file's first line is one of a Ground Truth manifest."""
    with path.open("rb") as file:
        line = file.readline(100_000)
    try:
        first = parsed_json(decoded_text(line).strip("\0 \r\n") or "null")
    except ValueError:
        return False
    return isinstance(first, dict) and (_SOURCE in first or "source" in first)


def read_manifest(manifest: Path, folder: Path, *, called: str) -> Labelled:
    """The labelled photos, in the manifest's order, each looked up below ``folder``.

    Raises DatasetError, which names the line: not JSON, labels of another kind of job, several
    label attributes, photos that are not there.
    """
    places = _Places([folder, manifest.parent])
    found = Labelled()
    seen, missing, unlabelled = set(), [], 0
    attribute = ""
    for number, record in _records(manifest, called):
        where = f"{called}, line {number}"
        attribute, name = _label(record, attribute, where)
        address = record.get(_SOURCE)
        if not isinstance(address, str):
            raise DatasetError(f"{where}: no {_SOURCE!r} with a photo's address")
        if not name:
            unlabelled += 1
            continue
        place = places.find(address)
        if place is None:
            missing.append(address)
        elif (name, place) not in seen:
            seen.add((name, place))
            found.photos.append((name, *place))
    if missing:
        raise DatasetError(_say_missing(missing, folder, called))
    if not found.photos:
        raise DatasetError(
            f"{called}: no line has a label, which is '<label>{_METADATA}' with a 'class-name'; "
            "run the labelling job for image classification to its end"
        )
    return Labelled(found.photos, unlabelled)


def _records(manifest: Path, called: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        text = decoded_text(manifest.read_bytes())
    except UnicodeDecodeError as error:
        raise DatasetError(f"{called}: not UTF-8: {error}") from error
    # Not splitlines(): a text in JSON may hold other characters that end a line for Python.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = parsed_json(line)
        except ValueError as error:
            raise DatasetError(
                f"{called}, line {number}: not JSON: {error}; each line is a JSON object of its own"
            ) from error
        if not isinstance(record, dict):
            raise DatasetError(
                f"{called}, line {number}: expected a JSON object in each line, "
                f"not one {'list' if isinstance(record, list) else 'value'} of all"
            )
        yield number, record


def _label(record: Mapping[str, Any], attribute: str, where: str) -> tuple[str, str]:
    """The label attribute and the class's name; "" where a photo has no label (yet)."""
    kinds = {
        key.removesuffix(_METADATA): value
        for key, value in record.items()
        if key.endswith(_METADATA) and isinstance(value, dict)
    }
    labels = [key for key, value in kinds.items() if value.get("type", _TYPE) == _TYPE]
    if kinds and not labels:
        other = next(iter(kinds.values())).get("type")
        raise DatasetError(
            f"{where}: labels of type {other!r}; expected {_TYPE!r}: one class for each photo"
        )
    if len(labels) > 1:
        raise DatasetError(
            f"{where}: several label attributes ({', '.join(sorted(labels))}); keep one of them"
        )
    if not labels:
        return attribute, ""
    if attribute and labels[0] != attribute:
        raise DatasetError(
            f"{where}: label attribute {labels[0]!r}, and {attribute!r} in lines before; "
            "a manifest has one"
        )
    name = kinds[labels[0]].get("class-name")
    if "failure-reason" in kinds[labels[0]] or name is None:
        return labels[0], ""
    if not isinstance(name, str) or not name:
        raise DatasetError(f"{where}: class-name {name!r}; expected the name of a class")
    return labels[0], name


class _Places:
    """Finds the files of addresses in S3 below some folders.

    A copy of ``s3://bucket/a/b/c.jpg`` may be at ``a/b/c.jpg``, ``b/c.jpg`` or ``c.jpg``; where the
    last one was found is tried first.
    """

    def __init__(self, roots: list[Path]) -> None:
        self._roots = list(dict.fromkeys(roots))
        self._last = (self._roots[0], 0)

    def find(self, address: str) -> tuple[str, Path] | None:
        """``(path below the folder, file)``, or None."""
        # A key may hold characters that an address would not: everything behind the bucket.
        _, scheme, rest = address.partition("://")
        key = rest.partition("/")[2] if scheme else address
        parts = PurePosixPath(key).parts
        parts = parts[1:] if parts[:1] == ("/",) else parts
        if not parts or ".." in parts:
            return None
        tries = [(root, skipped) for skipped in range(len(parts)) for root in self._roots]
        for root, skipped in [self._last, *tries]:
            for below in (parts[skipped:], tuple(map(unquote, parts[skipped:]))):
                if below and ".." not in below and _is_file(root.joinpath(*below)):
                    self._last = (root, skipped)
                    return "/".join(below), root.joinpath(*below)
        return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # a key may be longer than a file's name can be


def _say_missing(missing: list[str], folder: Path, called: str) -> str:
    shown = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
    prefix = missing[0].rpartition("/")[0]
    return (
        f"{called}: {len(missing)} photos of the manifest are not in {folder}: {shown}. Copy them "
        f"there, such as by: aws s3 cp --recursive {quote(prefix)} {quote(str(folder))}"
    )
