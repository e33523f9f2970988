# SPDX-License-Identifier: Apache-2.0
"""The models on a camera's disk: adopt a new one, load the current one after a restart.

``models/<digest>/`` contains unpacked archives; ``current.json`` names the current and the previous
one. Both are written atomically, so a power cut at any moment leaves a loadable model.
"""

import contextlib
import json
import logging
import shutil
from pathlib import Path
from typing import Any

from camera.model import engine
from camera.model.engine import Model, ModelError
from contracts.atomic_file import flush, write_file
from contracts.messages import ModelName
from contracts.model_archive import (
    CARD,
    MEMBERS,
    MODEL,
    ArchiveError,
    ModelCard,
    file_digest,
    unpack_archive,
)

CURRENT = "current.json"
_log = logging.getLogger(__name__)


class ModelStore:
    """Models in the shared model folder; the camera program is the only one that writes them."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        self._folder = folder
        self._models = folder / "models"
        self._threads = threads

    def prepare(self) -> None:
        """Create the folders and remove the remains of an interrupted adoption. Raises OSError."""
        self._models.mkdir(parents=True, exist_ok=True)
        for path in self._models.glob(".*"):
            shutil.rmtree(path, ignore_errors=True)

    def load_current(self) -> Model | None:
        """The model in use before the restart; if it fails, the previous one; else None."""
        names = self._names()
        for name in names:
            try:
                return self._load(self._models / name.digest, name=name)
            except (ModelError, ArchiveError, OSError) as error:
                _log.error("model %s (%s) does not load: %s", name.version, name.digest[:12], error)
        return None

    def stage(self, archive: Path, *, name: ModelName) -> Model:
        """Check an archive and load it beside the running model without using it.

        Raises ArchiveError, ModelError or OSError; then nothing has changed.
        """
        found = file_digest(archive)
        if found != name.digest:
            raise ArchiveError(f"archive has SHA-256 {found}, not {name.digest}")
        target = self._models / name.digest
        if target.exists():
            with contextlib.suppress(ModelError, ArchiveError, OSError):
                return self._load(target, name=name)
            # The unpacked copy is damaged but the archive is whole, so unpack it again.
            shutil.rmtree(target)
        scratch = self._models / f".{name.digest}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        try:
            unpack_archive(archive, scratch)
            model = self._load(scratch, name=name)
            for member in MEMBERS:
                flush(scratch / member)
            scratch.rename(target)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        flush(self._models)
        return model

    def commit(self, model: Model) -> None:
        """Make a staged model the current one, and remove all but the previous one.

        Raises OSError; then the old one stays current.
        """
        before = next((n for n in self._names() if n.digest != model.name.digest), None)
        document: dict[str, Any] = dict(model.name.to_json())
        if before is not None:
            document["previous"] = before.to_json()
        write_file(self._folder / CURRENT, json.dumps(document), durable=True)
        kept = {model.name.digest} | ({before.digest} if before else set())
        for path in self._models.iterdir():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def _names(self) -> list[ModelName]:
        """The current and previous model, if they can be read."""
        try:
            document = json.loads((self._folder / CURRENT).read_text(encoding="utf-8"))
            names = [ModelName.from_json(document)]
            if "previous" in document:
                names.append(ModelName.from_json(document["previous"]))
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            _log.error("%s cannot be read: %s", self._folder / CURRENT, error)
            return []
        return names

    def _load(self, folder: Path, *, name: ModelName) -> Model:
        card = ModelCard.from_json((folder / CARD).read_bytes())
        found = file_digest(folder / MODEL)
        if found != card.digests["model"]:
            raise ArchiveError(f"{MODEL}: digest {found}; the card says {card.digests['model']}")
        return engine.load(folder, card=card, name=name, threads=self._threads)
