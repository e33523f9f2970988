# SPDX-License-Identifier: Apache-2.0
"""Requests to adopt a model, which the model component's ``adopt.py`` writes into the model
folder."""

import contextlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from camera.model.engine import Model, ModelError
from camera.model.model_store import ModelStore
from contracts.atomic_file import write_file
from contracts.given import parsed_json
from contracts.messages import ModelName
from contracts.model_archive import ArchiveError

_log = logging.getLogger(__name__)


class ModelUpdates:
    """Answers each request in ``incoming/`` once: adopted, or refused with the reason.

    ``in_use`` returns the running model; ``swap`` replaces it between two frames.
    """

    def __init__(
        self,
        folder: Path,
        *,
        store: ModelStore,
        in_use: Callable[[], Model | None],
        swap: Callable[[Model], None],
    ) -> None:
        self._incoming = folder / "incoming"
        self._store = store
        self._in_use = in_use
        self._swap = swap
        self._answered: dict[str, str] = {}

    def prepare(self) -> None:
        """Make the folder. Raises OSError."""
        self._incoming.mkdir(parents=True, exist_ok=True)

    def poll(self) -> list[str]:
        """Answer new requests; return the reasons of refusals, for telemetry."""
        refusals = []
        requests = sorted(self._incoming.glob("*.request.json"))
        # Forget withdrawn requests, so that memory stays bounded.
        self._answered = {p.name: self._answered.get(p.name, "") for p in requests}
        for path in requests:
            request = _read(path)
            nonce = str(request.get("nonce", ""))
            if not request or (nonce and self._answered[path.name] == nonce):
                continue
            adopted, reason = self._handle(path, request)
            _log.log(logging.INFO if adopted else logging.ERROR, "%s: %s", path.name, reason)
            answer = path.with_name(path.name.replace(".request.", ".answer."))
            with contextlib.suppress(OSError):
                document = {"adopted": adopted, "reason": reason, "nonce": nonce}
                write_file(answer, json.dumps(document))
            self._answered[path.name] = nonce or "-"
            if not nonce:
                # Without a nonce, only the removal of the request shows that it was answered.
                path.unlink(missing_ok=True)
            if not adopted:
                refusals.append(reason)
        return refusals

    def _handle(self, path: Path, request: dict[str, Any]) -> tuple[bool, str]:
        digest = path.name.removesuffix(".request.json")
        if request.get("digest") != digest:
            return False, f"request names digest {request.get('digest')!r}, its file {digest!r}"
        name = ModelName(digest=digest, version=str(request.get("version") or digest[:12]))
        running = self._in_use()
        if running is not None and running.name == name:
            return True, "is already the model in use"
        try:
            model = self._store.stage(self._incoming / f"{digest}.tar.gz", name=name)
            if _read(path).get("nonce") != request.get("nonce"):
                # The request was withdrawn: Greengrass has rolled back, so the camera must not
                # switch now.
                return False, "the request was withdrawn"
            self._store.commit(model)
        except (ArchiveError, ModelError) as error:
            return False, str(error)
        except OSError as error:
            return False, f"{error.filename or self._incoming}: {error.strerror or error}"
        self._swap(model)
        return True, f"adopted {name.version}: {len(model.card.labels)} classes"


def _read(path: Path) -> dict[str, Any]:
    try:
        document = parsed_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
