# SPDX-License-Identifier: Apache-2.0
"""The loop from frames to detections."""

import json
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from camera.engine import Model
from camera.frames import Frame, FrameSlot
from camera.gate import PresenceGate
from camera.items import Decision, ItemTracker
from camera.outbox import Outbox
from camera.pictures import BadFrameError, model_input, thumbnail
from camera.settings import Settings
from camera.status import Status
from contracts.detection import Detection
from contracts.messages import timestamp

_log = logging.getLogger(__name__)
_QUIET_SECONDS = 2.0
"""Without frames for this long, whatever was in view is taken as gone."""
_SETTLING_FRAMES = 30
_BAD_VIEW = 50
"""So many bad frames in a row are no accident of transmission."""


class InferenceLoop:
    """Takes frames from the slot, reports each item once. Runs in one thread.

    A swapped model answers from the next frame on; no frame is skipped for it.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        slot: FrameSlot,
        status: Status,
        outbox: Outbox,
        take_number: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._slot = slot
        self._status = status
        self._outbox = outbox
        self._take_number = take_number
        self._gate = PresenceGate()
        self._items = ItemTracker(
            smoothing_frames=settings.smoothing_frames,
            arrival_frames=settings.arrival_frames,
            departure_frames=settings.departure_frames,
        )
        self._answering: Model | None = None
        self._busy = False
        self._bad_in_a_row = 0
        self.paused = threading.Event()
        self.model: Model | None = None

    @property
    def busy(self) -> bool:
        """Whether a frame waits or is worked on, or an item in view is not decided yet."""
        return self._busy or self._slot.waiting or self._items.open

    def swap(self, model: Model) -> None:
        """Put another model in place, from any thread."""
        self.model = model
        self._status.problem_is("model", None)
        self._status.changed.set()

    def camera_opened(self) -> None:
        """A live source was opened (again): learn its empty view first. From any thread."""
        self._gate.relearn(frames=_SETTLING_FRAMES)

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set."""
        last = time.monotonic()
        while not stop.is_set():
            frame = self._slot.take(timeout=0.2)
            if frame is None:
                if time.monotonic() - last > _QUIET_SECONDS:
                    self._report(self._items.leave())
                    last = time.monotonic()
                continue
            last = time.monotonic()
            if self.paused.is_set():
                continue
            self._busy = True
            try:
                self.process(frame)
            finally:
                self._busy = False

    def process(self, frame: Frame) -> None:
        """Look at one frame. Whatever is wrong with it is counted, and the loop goes on."""
        try:
            self._look(frame)
            self._bad_in_a_row = 0
            self._status.problem_is("frames", None)
        except BadFrameError as error:
            self._skip(frame, error)
        except Exception as error:  # noqa: BLE001 - one bad frame must never end the loop
            self._status.count_bad_frame()
            self._status.problem_is("loop", f"frames fail: {type(error).__name__}: {error}")
            _log.exception("frame skipped")

    def _skip(self, frame: Frame, error: BadFrameError) -> None:
        """Count a bad frame. A camera that delivers nothing else is a problem, not a log flood."""
        self._status.count_bad_frame()
        self._bad_in_a_row += 1
        if self._bad_in_a_row == 1:
            _log.warning("frame of %d bytes skipped: %s", len(frame.jpeg), error)
        if self._bad_in_a_row == _BAD_VIEW:
            self._status.problem_is(
                "frames", f"no usable frame among the last {_BAD_VIEW}: {error}"
            )

    def _look(self, frame: Frame) -> None:
        # Read once: a swap in another thread takes effect with the next frame.
        model = self.model
        if model is not self._answering:
            self._items.forget_frames()
            self._answering = model
        if not self._gate.update(thumbnail(frame.jpeg)):
            self._status.count_frame()
            self._report(self._items.miss())
            return
        if model is None or not self._items.undecided:
            self._items.still_there()
            self._status.count_frame()
            return
        card = model.card
        rgb = model_input(frame.jpeg, width=card.width, height=card.height)
        decision = self._items.see(model.infer(rgb), captured_at=frame.captured_at)
        self._report(decision)
        self._status.problem_is("loop", None)
        self._status.count_frame(latency_ms=(time.monotonic() - frame.captured_at) * 1000)

    def _report(self, decision: Decision | None) -> None:
        model = self._answering
        if decision is None or model is None:
            return
        name = model.card.labels[decision.label]
        age = time.monotonic() - decision.captured_at
        detection = Detection(
            thing=self._settings.thing,
            sequence=self._take_number(),
            observed_at=timestamp(datetime.now(UTC) - timedelta(seconds=age)),
            class_name=name,
            bin=self._settings.bins.bin_for(name, decision.confidence),
            confidence=decision.confidence,
            model=model.name,
            frames=decision.frames,
            latency_ms=age * 1000,
        )
        message = json.dumps(detection.to_json(), separators=(",", ":")).encode()
        self._outbox.put(self._settings.topics.detections(self._settings.thing), message)
        self._status.count_detection()
