# SPDX-License-Identifier: Apache-2.0
"""From a decision to the message that leaves the camera."""

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from camera.messaging.sqlite_queue import Message
from camera.model.engine import Model
from camera.settings import Settings
from camera.vision.frame_analyzer import FrameAnalysis
from camera.vision.item_tracker import Decision
from contracts.bins import BinPolicy, SortedItem
from contracts.detection import Detection
from contracts.messages import timestamp

_RECENT = 12


@dataclass(frozen=True)
class Reported:
    """A detection and the frame that decided it, if there is one."""

    detection: Detection
    jpeg: bytes | None


class DetectionPublisher:
    """Gives each decision its sequence number, its bin and its time, and sends it.

    ``recent`` are the last detections, newest first, for people to look at.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        take_number: Callable[[], int],
        put: Callable[[Message], None],
    ) -> None:
        self._settings = settings
        self._take_number = take_number
        self._put = put
        self._recent: deque[Reported] = deque(maxlen=_RECENT)
        self.bins: BinPolicy = settings.bins

    @property
    def recent(self) -> list[Reported]:
        return list(self._recent)

    def set_threshold(self, unsure_below: float) -> None:
        """Items whose bin is less probable than this go to the default bin. Raises ValueError."""
        self.bins = replace(self.bins, unsure_below=unsure_below)

    def report(self, decision: Decision, model: Model, view: FrameAnalysis | None) -> SortedItem:
        """Send a decision; return the class and bin that were sent."""
        item = self.bins.sort(model.card.labels, decision.probabilities.tolist())
        age = time.monotonic() - decision.captured_at
        detection = Detection(
            thing=self._settings.thing,
            sequence=self._take_number(),
            observed_at=timestamp(datetime.now(UTC) - timedelta(seconds=age)),
            class_name=item.class_name,
            bin=item.bin,
            confidence=item.confidence,
            unsure=item.unsure,
            bin_confidence=item.bin_confidence,
            model=model.name,
            frames=decision.frames,
            latency_ms=age * 1000,
        )
        payload = json.dumps(detection.to_json(), separators=(",", ":")).encode()
        self._put(Message(detection.sequence, payload))
        self._recent.appendleft(Reported(detection, view.frame.jpeg if view else None))
        return item
