# SPDX-License-Identifier: Apache-2.0
"""The model archive: what training writes, evaluation measures and the camera loads.

``model.tar.gz`` holds exactly::

    model.onnx           input uint8 [1, H, W, 3] RGB, output float32 [1, classes] probabilities
    model.json           the model card
    golden/inputs.npy    uint8 [N, H, W, 3], pictures already resized
    golden/outputs.npy   float32 [N, classes], what the model answers to them

The camera switches to a model only if the model reproduces the golden outputs on that camera.

Between training and evaluation the archive also carries ``reference/float.onnx``, the same network
before int8, so that evaluation can measure what int8 costs. Evaluation removes it: an archive that
contains it is never deployed.
"""

import errno
import gzip
import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from contracts.atomic_file import replacing
from contracts.cut import CutRule
from contracts.given import parsed_json

SCHEMA = 1
MODEL, CARD = "model.onnx", "model.json"
GOLDEN_INPUTS, GOLDEN_OUTPUTS = "golden/inputs.npy", "golden/outputs.npy"
MEMBERS = (CARD, GOLDEN_INPUTS, GOLDEN_OUTPUTS, MODEL)
REFERENCE = "reference/float.onnx"
MAXIMUM_BYTES = 64 * 2**20
"""Limit for one member, so that a damaged or hostile archive cannot fill a camera's disk."""


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


class ArchiveError(ValueError):
    """The archive is not a model archive; the message names the member and what is wrong."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The content of ``model.json``, which describes a model.

    ``digests`` has the SHA-256 (hexadecimal) of ``model`` (the ONNX file), ``dataset`` and
    ``code``. ``golden_tolerance`` is the largest allowed difference of a golden probability.

    Cards of earlier versions lack what stands after ``golden_tolerance``: ``precision`` (``int8``
    or ``float32``), ``calibration`` (``temperature``, already inside the graph; ``ece_before``,
    ``ece_after``, ``unsure_below``: the suggested threshold), ``statistics`` (what training saw,
    for telling on a camera that it sees something else: see ``contracts.picture_statistics``),
    ``seen`` (which photos training and validation saw: see ``training.packaging.provenance``),
    ``held_out`` (in the same form, which photos were ``validation`` and ``test``: the next split
    keeps them there), ``cut`` (how an item is cut out of the view:
    ``contracts.cut.CutRule.to_json()``; without it the model learned whole photos only, and looks
    at whole frames) and ``flips`` (the model learned flipped pictures as well, so that it is shown
    them: see ``contracts.preprocessing.flipped``).
    """

    labels: tuple[str, ...]
    width: int
    height: int
    input_name: str
    output_name: str
    digests: Mapping[str, str]
    golden_tolerance: float
    precision: str | None = None
    calibration: Mapping[str, Any] = field(default_factory=dict)
    statistics: Mapping[str, Any] = field(default_factory=dict)
    seen: str = ""
    held_out: Mapping[str, str] = field(default_factory=dict)
    cut: Mapping[str, Any] = field(default_factory=dict)
    flips: bool = False
    metrics: Mapping[str, Any] = field(default_factory=dict)
    frameworks: Mapping[str, str] = field(default_factory=dict)
    created_from: Mapping[str, Any] = field(default_factory=dict)

    def cut_rule(self) -> CutRule | None:
        """How regions are cut for this model; None if it looks at whole frames."""
        return CutRule.from_json(self.cut) if self.cut else None

    def to_json(self) -> str:
        """The text of ``model.json``; the same card gives the same text."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> "ModelCard":
        """Read ``model.json``. Raises ArchiveError naming the key that is missing or wrong."""
        try:
            document = parsed_json(text)
        except ValueError as error:
            raise ArchiveError(f"{CARD}: not JSON: {error}") from error
        if not isinstance(document, dict) or document.pop("schema", None) != SCHEMA:
            raise ArchiveError(f"{CARD}: key 'schema': expected {SCHEMA}")
        known = {item.name for item in fields(cls)}
        required = {item.name for item in fields(cls) if _has_no_default(item)}
        for key in sorted(required - set(document)):
            raise ArchiveError(f"{CARD}: key {key!r} is missing")
        _check(document)
        # A later minor version may add keys; a camera that does not know them still runs the model.
        values = {key: value for key, value in document.items() if key in known}
        return cls(**{**values, "labels": tuple(document["labels"])})


def _check(document: dict[str, Any]) -> None:
    """Raise ArchiveError naming the key of a model card whose value is wrong."""
    labels = document["labels"]
    if not isinstance(labels, list) or not labels or len(set(labels)) != len(labels):
        raise ArchiveError(f"{CARD}: key 'labels': {labels!r}; expected different names")
    for key in ("width", "height"):
        if not isinstance(document[key], int) or not 16 <= document[key] <= 1024:
            raise ArchiveError(f"{CARD}: key {key!r}: {document[key]!r}; allowed: 16 to 1024")
    if not isinstance(document["digests"], dict) or "model" not in document["digests"]:
        raise ArchiveError(f"{CARD}: key 'digests': expected an object with 'model'")
    for key in (
        *("calibration", "statistics", "held_out", "cut"),
        *("metrics", "frameworks", "created_from"),
    ):
        if not isinstance(document.get(key, {}), dict):
            raise ArchiveError(f"{CARD}: key {key!r}: {document[key]!r}; expected an object")
    if not isinstance(document.get("flips", False), bool):
        raise ArchiveError(f"{CARD}: key 'flips': {document['flips']!r}; expected a boolean")
    try:
        CutRule.from_json(document["cut"]) if document.get("cut") else None
    except ValueError as error:
        raise ArchiveError(f"{CARD}: {error}") from error


def _has_no_default(item: Any) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_archive(folder: Path, destination: Path, *, extra: Collection[str] = ()) -> str:
    """Pack a folder that holds the four members; return the archive's SHA-256.

    ``extra`` (``REFERENCE``) goes in as well where the folder has it. The same content gives the
    same bytes. The archive is written completely or not at all.
    """
    card = ModelCard.from_json((folder / CARD).read_bytes())
    _check_model_digest(folder, card)
    names = (*MEMBERS, *(name for name in sorted(extra) if (folder / name).is_file()))
    with (
        replacing(destination, durable=True) as unfinished,
        unfinished.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in names:
            content = (folder / name).read_bytes()
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return file_digest(destination)


def unpack_archive(archive: Path, folder: Path, *, extra: Collection[str] = ()) -> ModelCard:
    """Unpack an archive into an existing folder and return its card.

    Only the four members (and those of ``extra``) are accepted, as plain files of bounded size;
    SageMaker's own tars may begin names with ``./``. Raises ArchiveError where anything differs,
    and OSError where the disk is full.
    """
    found = set()
    accepted = {*MEMBERS, *extra}
    try:
        with (
            gzip.open(archive) as stream,
            tarfile.open(fileobj=stream, mode="r|") as packed,
        ):
            for member in packed:
                name = member.name.removeprefix("./")
                if member.isdir():
                    continue
                if name not in accepted or not member.isfile() or name in found:
                    raise ArchiveError(f"{archive.name}: unexpected member {member.name!r}")
                if member.size > MAXIMUM_BYTES:
                    raise ArchiveError(f"{archive.name}: {name} has {member.size} bytes")
                content = packed.extractfile(member)
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read() if content else b"")
                found.add(name)
            # gzip checks its sum at the end only; a tar reader stops before it.
            while stream.read(2**20):
                pass
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise  # the archive is not to blame
        raise ArchiveError(f"{archive.name}: damaged archive: {error}") from error
    for name in MEMBERS:
        if name not in found:
            raise ArchiveError(f"{archive.name}: {name} is missing")
    card = ModelCard.from_json((folder / CARD).read_bytes())
    _check_model_digest(folder, card)
    return card


def _check_model_digest(folder: Path, card: ModelCard) -> None:
    found = file_digest(folder / MODEL)
    if found != card.digests["model"]:
        raise ArchiveError(f"{MODEL}: digest {found}; the card says {card.digests['model']}")
