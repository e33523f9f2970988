# SPDX-License-Identifier: Apache-2.0
"""Frames that the model was unsure of, kept for labelling. Off by default."""

import json
import logging
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from camera.backoff import Backoff
from camera.inference_loop import FrameResult
from camera.settings import Settings
from camera.uploads import BucketUpload, Upload, UploadError, s3_endpoint
from camera.vision.item_tracker import Decision
from contracts.atomic_file import write_file

_log = logging.getLogger(__name__)
_WAITING = 4
_UNSURE_BELOW = 0.6


class Captures:
    """Keeps at most ``per_hour`` unsure frames an hour and ``kept`` in all, with the prediction.

    A frame is unsure when its item was decided with less than ``unsure_below``, when the item's
    frames disagreed on the class, or when it differs from the training photos. ``upload`` uploads
    captures, if given; they are then deleted from the disk.
    """

    def __init__(
        self,
        folder: Path,
        *,
        thing: str,
        unsure_below: float,
        per_hour: int,
        kept: int = 200,
        upload: Upload | None = None,
    ) -> None:
        self._folder = folder
        self._thing = thing
        self._unsure_below = unsure_below
        self._per_hour = per_hour
        self._kept = kept
        self._upload = upload
        self._labels: list[int] = []
        self._looked: FrameResult | None = None
        self._taken: deque[float] = deque()
        self._waiting: deque[tuple[str, bytes, dict[str, Any]]] = deque(maxlen=_WAITING)
        self._changed = threading.Event()
        self.problem: str | None = None

    def watch(self, seen: FrameResult, *, drift: str = "") -> None:
        """Take the loop's result for a frame; return at once.

        ``drift``: its difference from training.
        """
        if seen.probabilities is not None:
            self._labels.append(int(np.argmax(seen.probabilities)))
            self._looked = seen
        if seen.decision is not None:
            # An item that left early is decided after it is gone: its last frame is kept.
            reason = self._reason(seen.decision, drift)
            if reason and self._looked is not None and self._room():
                self._keep(self._looked, reason)
        if seen.decision is not None or not (seen.view.presence.present or seen.frames):
            self._labels, self._looked = [], None

    def run(self, stop: threading.Event) -> None:
        """Write and upload until ``stop`` is set."""
        next_upload = 0.0
        backoff = Backoff(first=30.0, longest=600.0, spread=True)
        while not stop.is_set():
            self._changed.wait(0.5)
            self._changed.clear()
            while self._waiting:
                self._write(*self._waiting.popleft())
            if self._upload is not None and time.monotonic() >= next_upload:
                if self._send():
                    backoff.succeeded()
                else:
                    next_upload = time.monotonic() + backoff.failed()

    def _reason(self, decision: Decision, drift: str) -> str:
        if decision.confidence < self._unsure_below:
            return "low confidence"
        agreeing = self._labels.count(decision.label)
        if self._labels and agreeing < 0.7 * len(self._labels):
            return "frames disagree"
        return f"drift: {drift}" if drift else ""

    def _room(self) -> bool:
        """Whether this hour's limit allows one more."""
        now = time.monotonic()
        while self._taken and self._taken[0] < now - 3600:
            self._taken.popleft()
        if len(self._taken) >= self._per_hour:
            return False
        self._taken.append(now)
        return True

    def _keep(self, seen: FrameResult, reason: str) -> None:
        model, probabilities = seen.view.model, seen.probabilities
        if model is None or probabilities is None:
            return
        # The wall clock is only used for the file's name, never for ordering.
        name = f"{time.time_ns() // 1_000_000:015d}"
        document = {
            "thing": self._thing,
            "reason": reason,
            "model": model.name.to_json(),
            # Left, top, right, bottom in the frame's pixels; null: the whole frame.
            "region": list(seen.view.region) if seen.view.region else None,
            "probabilities": {
                label: round(float(value), 4)
                for label, value in zip(model.card.labels, probabilities, strict=True)
            },
        }
        self._waiting.append((name, seen.view.frame.jpeg, document))
        self._changed.set()

    def _write(self, name: str, jpeg: bytes, document: dict[str, Any]) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
            # The picture is written last: only pairs are used.
            write_file(self._folder / f"{name}.jpg", jpeg)
            for old in sorted(self._folder.glob("*.jpg"))[: -self._kept]:
                self._remove(old)
            self.problem = None
        except OSError as error:
            self.problem = f"captures are not kept: {error}"
            _log.warning("%s", self.problem)

    def _send(self) -> bool:
        """Upload the captures on disk; False if the next attempt should wait."""
        for path in sorted(self._folder.glob("*.jpg")):
            try:
                document = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
                if self._upload is not None:
                    self._upload.put(f"{self._thing}/{path.name}", path.read_bytes(), document)
                self._remove(path)
                self.problem = None
            except UploadError as error:
                self.problem = f"captures are not uploaded: {error}"
                _log.warning("%s", self.problem)
                return False
            except (OSError, ValueError) as error:
                _log.warning("%s: %s", path.name, error)
                self._remove(path)
        return True

    @staticmethod
    def _remove(path: Path) -> None:
        for each in (path, path.with_suffix(".json")):
            each.unlink(missing_ok=True)


def captures_for(settings: Settings) -> Captures | None:
    """The captures that the settings describe; None if they are off."""
    if settings.captures == "off":
        return None
    upload = BucketUpload(
        bucket=settings.captures_bucket, region=settings.region, endpoint=s3_endpoint()
    )
    return Captures(
        settings.model_folder / "captures",
        thing=settings.thing,
        unsure_below=max(settings.bins.unsure_below, _UNSURE_BELOW),
        per_hour=settings.captures_per_hour,
        upload=upload if settings.captures == "upload" else None,
    )
