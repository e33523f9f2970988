# SPDX-License-Identifier: Apache-2.0
"""Finds pretrained weights: a folder, SageMaker's channel ``weights``, or a repository of the hub.

The format is transformers': ``config.json`` and ``*.safetensors`` in one folder. Pickled weights
are not read, because opening them executes code.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.sagemaker_job import StepError
from training.tar_files import extract_all

CONFIG = "config.json"
_PREPROCESSOR = "preprocessor_config.json"
_HUB = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
_WANTED = [CONFIG, _PREPROCESSOR, "*.safetensors", "*.safetensors.index.json"]
_SUFFIXES = (".tar.gz", ".tgz", ".tar")


@dataclass(frozen=True)
class FoundWeights:
    """A folder with weights; ``name`` names them without this machine's paths."""

    folder: Path
    name: str
    given: str


def find(given: str, *, scratch: Path) -> FoundWeights:
    """What the hyperparameter ``weights`` or the channel names. Raises StepError saying why not."""
    path = Path(given)
    if path.is_dir():
        folder = _inside(path, scratch)
    elif path.is_file():
        folder = _unpack(path, scratch)
    elif _HUB.fullmatch(given) and not given.startswith((".", "/")):
        folder = _download(given, scratch)
    else:
        raise StepError(
            f"weights = {given!r}: no such folder; allowed: a folder with {CONFIG} and "
            "*.safetensors, or a hub repository as owner/name or owner/name@revision"
        )
    _require_readable(folder, given)
    return FoundWeights(folder, f"sha256:{_digest(folder)}", given)


def check_config(weights: FoundWeights, *, architecture: str, allowed: Sequence[str]) -> None:
    """Raises StepError unless the weights are of this architecture."""
    path = weights.folder / CONFIG
    found = _json(path).get("model_type")
    if found != architecture:
        fits = f"; they fit network = {found}" if found in allowed else ""
        raise StepError(
            f"weights = {weights.given!r}: {path.name} says model_type = {found!r}; network = "
            f"{architecture} needs {architecture!r}{fits}; networks: {', '.join(allowed)}"
        )


def normalisation(
    weights: FoundWeights | None, mean: Sequence[float], deviation: Sequence[float]
) -> tuple[Sequence[float], Sequence[float]]:
    """The mean and deviation that the weights were trained with, else the network's usual ones."""
    path = weights.folder / _PREPROCESSOR if weights else None
    if path is None or not path.is_file():
        return mean, deviation
    document = _json(path)
    found: list[Sequence[float]] = []
    for key, usual in (("image_mean", mean), ("image_std", deviation)):
        value = document.get(key, usual)
        if not (len(value) == 3 and all(isinstance(item, int | float) for item in value)):
            raise StepError(f"{path}: {key} = {value!r}; allowed: 3 numbers")
        found.append(value)
    return found[0], found[1]


def unreadable(weights: FoundWeights, reason: str) -> StepError:
    """The error of weights that cannot be loaded."""
    return StepError(f"weights = {weights.given!r}: {' '.join(reason.split())[:500]}")


def _inside(folder: Path, scratch: Path) -> Path:
    """The folder itself, else what the one archive or the one folder in it holds."""
    if (folder / CONFIG).is_file():
        return folder
    found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    archives = [path for path in found if path.name.endswith(_SUFFIXES)]
    if len(archives) == 1:
        return _unpack(archives[0], scratch)
    if len(found) == 1 and (found[0] / CONFIG).is_file():
        return found[0]
    names = ", ".join(path.name for path in found[:5]) or "nothing"
    raise StepError(
        f"weights: {folder} holds {names}; allowed: {CONFIG} and *.safetensors, a folder with "
        "them, or one .tar.gz of them"
    )


def _unpack(archive: Path, scratch: Path) -> Path:
    target = scratch / "weights"
    try:
        with tarfile.open(archive) as opened:
            extract_all(opened, target)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise StepError(f"weights: {archive}: not a whole tar archive: {error}") from error
    folders = sorted(path.parent for path in target.rglob(CONFIG))
    if len(folders) != 1:
        raise StepError(f"weights: {archive}: {len(folders)} files {CONFIG} inside; allowed: one")
    return folders[0]


def _download(given: str, scratch: Path) -> Path:
    # Only this way needs the hub's client, and it is slow to import.
    from huggingface_hub import snapshot_download  # noqa: PLC0415

    repository, _, revision = given.partition("@")
    try:
        return Path(
            snapshot_download(
                repository,
                revision=revision or None,
                allow_patterns=_WANTED,
                local_dir=scratch / "weights",
            )
        )
    except Exception as error:  # the client has a dozen kinds for "not there"
        reason = " ".join(str(error).split())[:300]
        raise StepError(
            f"weights = {given!r}: no such folder here, and the hub returned nothing: "
            f"{type(error).__name__}: {reason}; allowed: owner/name or owner/name@revision that "
            "can be reached, or a folder"
        ) from error


def _require_readable(folder: Path, given: str) -> None:
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    if not (folder / CONFIG).is_file():
        raise StepError(f"weights = {given!r}: {CONFIG} is missing in {folder}")
    _json(folder / CONFIG)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:5])
        raise StepError(
            f"weights = {given!r}: no *.safetensors in {folder}, only {found}; pickled weights "
            "(*.bin, *.pt) are not read"
        )
    for path in files:
        try:
            with safe_open(path, framework="numpy") as opened:
                opened.keys()
        except (SafetensorError, OSError, ValueError) as error:
            raise StepError(
                f"weights = {given!r}: {path.name}: damaged or cut off after "
                f"{path.stat().st_size} bytes: {error}; allowed: a whole safetensors file"
            ) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StepError(f"{path}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise StepError(f"{path}: expected a JSON object")
    return document


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([folder / CONFIG, *folder.glob("*.safetensors")]):
        with path.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:16]
