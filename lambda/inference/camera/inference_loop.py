# SPDX-License-Identifier: Apache-2.0
"""The loop from frames to detections."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from camera.messaging.status import Status
from camera.model.engine import Model
from camera.settings import Settings
from camera.vision.frame_analyzer import FrameAnalysis, FrameAnalyzer
from camera.vision.frame_buffer import Frame, FrameBuffer
from camera.vision.frame_pacing import FramePacing
from camera.vision.item_tracker import Decision, ItemTracker, Probabilities, mean_of
from camera.vision.jpeg import BadFrameError, Thumbnail, thumbnail
from contracts.preprocessing import Pixels, flipped

_log = logging.getLogger(__name__)
_QUIET_SECONDS = 2.0
"""After this long without frames, an item in view counts as gone."""
_SETTLING_FRAMES = 30
_BAD_VIEW = 50
"""This many bad frames in a row are not just transmission errors."""


@dataclass(frozen=True, kw_only=True)
class FrameResult:
    """The loop's result for a frame, for the page and the captures."""

    view: FrameAnalysis
    probabilities: Probabilities | None
    undecided: bool
    frames: int
    decision: Decision | None


class InferenceLoop:
    """Takes frames from the slot and reports each item once.

    It uses two threads, ``run_sight`` and ``run``, so that a frame is decoded while the model runs
    on the previous one. A swapped model is used from the next frame on, and no frame is skipped for
    it. ``report`` is called with each decision and its model, ``watch`` with the result for each
    frame; ``watch`` must return at once.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        slot: FrameBuffer[Frame],
        status: Status,
        report: Callable[[Decision, Model, FrameAnalysis | None], None],
        watch: Callable[[FrameResult], None] | None = None,
    ) -> None:
        self._slot = slot
        self._views: FrameBuffer[FrameAnalysis] = FrameBuffer()
        self._status = status
        self._report_to = report
        self._watch = watch
        self._items = ItemTracker(
            smoothing_frames=settings.smoothing_frames,
            arrival_frames=settings.arrival_frames,
            departure_frames=settings.departure_frames,
        )
        self._sight = FrameAnalyzer(
            undecided=lambda: self._items.undecided, first_looks=settings.smoothing_frames
        )
        self._pacing = FramePacing()
        self._first: list[Probabilities] = []
        self._answering: Model | None = None
        self._bad_in_a_row = 0
        self.paused = threading.Event()
        self.model: Model | None = None

    @property
    def busy(self) -> bool:
        """Whether a frame is waiting or in progress, or an item in view is not decided yet."""
        return self._slot.busy or self._views.busy or self._items.open

    def swap(self, model: Model) -> None:
        """Use another model; may be called from any thread."""
        self.model = model
        self._status.set_problem("model", None)
        self._status.changed.set()

    def camera_opened(self) -> None:
        """A live source was opened or reopened: learn its empty view first. For any thread."""
        self._sight.camera_opened(settling_frames=_SETTLING_FRAMES)

    def holds(self, frame: Frame) -> bool:
        """Whether this frame is held back here; if not, put it into the slot.

        Only for the thread that fills the slot. It avoids waking the analysing thread, which would
        be the largest cost of such a frame. While that thread is busy no frame is held, so the two
        never use the pacing at once.
        """
        idle = not self._slot.busy and not self.paused.is_set()
        return idle and self._holds(frame)

    def run_sight(self, stop: threading.Event) -> None:
        """Analyse frames until ``stop`` is set."""
        while not stop.is_set():
            frame = self._slot.take(timeout=0.2)
            if frame is None:
                continue
            if not self.paused.is_set():
                for view in self._views_of(frame):
                    self._views.put_when_free(view, stop=stop)
            self._slot.done()

    def run(self, stop: threading.Event) -> None:
        """Run the model and decide items until ``stop`` is set."""
        last = time.monotonic()
        while not stop.is_set():
            view = self._views.take(timeout=0.2)
            if view is not None:
                last = time.monotonic()
                self._guarded(lambda view=view: self._decide(view))  # type: ignore[misc]
                self._views.done()
            elif time.monotonic() - last > _QUIET_SECONDS:
                self._guarded(lambda: self._tell(self._items.leave(), None))
                last = time.monotonic()

    def process(self, frame: Frame) -> None:
        """Analyse one frame and decide, in the caller's thread."""
        for view in self._views_of(frame):
            self._guarded(lambda view=view: self._decide(view))  # type: ignore[misc]

    def _views_of(self, frame: Frame) -> Iterator[FrameAnalysis]:
        """The view of this frame, preceded by held frames if they may show something else."""
        if self._holds(frame):
            return
        held = self._pacing.release()
        if not held:
            yield from self._look(frame)
            return
        small = _thumbnail(frame)
        if small is not None and self._sight.unchanged(small):
            yield from self._look(frame, small=small, stands_for=self._passed(held))
            return
        # Something moved, usually in this frame.
        *before, newest = held
        last = _thumbnail(newest)
        if last is not None and self._sight.unchanged(last):
            yield from self._look(newest, small=last, stands_for=self._passed(before))
        else:
            for each in held:
                yield from self._look(each)
        yield from self._look(frame, small=small)

    def _holds(self, frame: Frame) -> bool:
        return not self._sight.settling and self._pacing.holds(frame)

    def _passed(self, held: list[Frame]) -> int:
        """Nothing moved between the two analysed frames: the later one represents the held ones."""
        for _ in held:
            self._status.count_frame()
        return 1 + len(held)

    def _look(
        self, frame: Frame, *, small: Thumbnail | None = None, stands_for: int = 1
    ) -> Iterator[FrameAnalysis]:
        """One view; none for a bad frame, which is counted."""
        try:
            settling = self._sight.settling
            # The model is read once: a swap in another thread takes effect with the next frame.
            view = self._sight.look(frame, model=self.model, small=small, stands_for=stands_for)
        except BadFrameError as error:
            self._skip(frame, error)
            return
        except Exception as error:  # noqa: BLE001 - one bad frame must never end the loop
            self._pacing.disturbed()
            self._failed(error)
            return
        self._bad_in_a_row = 0
        self._pacing.looked(view, settling=settling, item_open=self._items.open)
        self._status.set_problem("frames", None)
        yield view

    def _skip(self, frame: Frame, error: BadFrameError) -> None:
        """Count a bad frame; report a problem, and limit the log, if there are no others."""
        self._pacing.disturbed()
        self._status.count_bad_frame()
        self._bad_in_a_row += 1
        if self._bad_in_a_row == 1:
            _log.warning("frame of %d bytes skipped: %s", len(frame.jpeg), error)
        if self._bad_in_a_row == _BAD_VIEW:
            self._status.set_problem(
                "frames", f"no usable frame among the last {_BAD_VIEW}: {error}"
            )

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - one bad frame must never end the loop
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._status.count_bad_frame()
        self._status.set_problem("loop", f"frames fail: {type(error).__name__}: {error}")
        _log.error("frame skipped", exc_info=error)

    def _decide(self, view: FrameAnalysis) -> None:
        if view.model is not self._answering:
            self._items.forget_frames()
            self._first = []
            self._answering = view.model
        if view.changed:
            self._items.doubt(surely_another=view.another)
        probabilities = None
        if view.pixels is not None and view.model is not None:
            probabilities = view.model.infer(self._shown(view.pixels, view))
        decision = self._step(view, probabilities)
        self._tell(decision, view)
        if probabilities is not None:
            self._status.set_problem("loop", None)
        latency = (time.monotonic() - view.frame.captured_at) * 1000
        self._status.count_frame(latency_ms=None if probabilities is None else latency)
        if self._watch is None:
            return
        self._watch(
            FrameResult(
                view=view,
                probabilities=probabilities,
                undecided=self._items.undecided,
                frames=self._items.frames,
                decision=decision,
            )
        )

    def _shown(self, pixels: Pixels, view: FrameAnalysis) -> Pixels:
        """The frames of an item flipped in turns, if the model learned flipped pictures."""
        before = self._items.frames if view.presence.present else len(self._first)
        learned = view.model is not None and view.model.card.flips
        return flipped(pixels, before) if learned else pixels

    def _step(self, view: FrameAnalysis, probabilities: Probabilities | None) -> Decision | None:
        """Advance by one view."""
        moment = view.frame.captured_at
        if view.presence.revealed:
            return self._revealed(moment)
        if not view.presence.present:
            if view.first and probabilities is not None:
                self._first.append(probabilities)
            decision = self._items.miss()
            if self._items.undecided:
                self._sight.forget()
            return decision
        if probabilities is None or not self._items.undecided:
            self._items.still_there()
            return None
        decision = self._items.see(probabilities, captured_at=moment)
        if not self._items.undecided:
            self._sight.remember(view, new_item=decision is not None)
            # An item arrived before any item left, so the view at the start was empty.
            self._first = []
        return decision

    def _revealed(self, moment: float) -> Decision | None:
        """An item that was present from the start has left: decide from the first frames."""
        self._items.drop()
        self._sight.forget()
        seen, self._first = self._first, []
        return mean_of(seen, captured_at=moment) if seen else None

    def _tell(self, decision: Decision | None, view: FrameAnalysis | None) -> None:
        if decision is not None and self._answering is not None:
            self._report_to(decision, self._answering, view)


def _thumbnail(frame: Frame) -> Thumbnail | None:
    """None for a bad frame: analysing it will report the reason."""
    try:
        return thumbnail(frame.jpeg)
    except Exception:  # noqa: BLE001 - one bad frame must never end the loop
        return None
