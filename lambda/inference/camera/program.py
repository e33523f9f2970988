# SPDX-License-Identifier: Apache-2.0
"""The whole program: each part runs in a thread that is restarted after a failure."""

import logging
import threading
import time
from collections.abc import Callable

from camera.captures import captures_for
from camera.inference_loop import FrameResult, InferenceLoop
from camera.messaging.commands import Commands
from camera.messaging.detection_publisher import DetectionPublisher
from camera.messaging.outbox import Outbox
from camera.messaging.publishers import LockedPublisher, Publisher
from camera.messaging.sequence import Sequence
from camera.messaging.status import LIVE, Status
from camera.messaging.subscribers import Subscriber
from camera.messaging.telemetry_publisher import TelemetryPublisher
from camera.model.engine import Model
from camera.model.model_store import ModelStore
from camera.model.model_updates import ModelUpdates
from camera.page.streams import Newest, ProjectStream
from camera.settings import Settings
from camera.sources import without_secrets
from camera.supervision import LONGEST_DELAY, run_all
from camera.thread_priority import lower_priority
from camera.vision.capture import Capture
from camera.vision.drift import Drift
from camera.vision.frame_analyzer import FrameAnalysis
from camera.vision.frame_buffer import Frame, FrameBuffer
from camera.vision.item_tracker import Decision
from contracts.telemetry import UNSURE, Answer, Telemetry

_log = logging.getLogger(__name__)
_NO_MODEL = "no model adopted yet"
_POLL_SECONDS = 0.25
"""How often the program looks for a request to adopt a model."""


class Program:
    """A camera from start to ``stop``. ``run`` blocks; start it in a separate thread."""

    def __init__(
        self, settings: Settings, *, publisher: Publisher, subscriber: Subscriber | None = None
    ) -> None:
        self._settings = settings
        self._subscriber = subscriber
        turns = LockedPublisher(publisher)
        self.stop = threading.Event()
        self.source_ended = threading.Event()
        self._disk_searched = threading.Event()
        self.slot = FrameBuffer[Frame]()
        self.status = Status(
            thing=settings.thing,
            source=without_secrets(settings.source),
            program=settings.program,
        )
        self._telemetry_publisher = TelemetryPublisher(
            settings, publisher=turns, changed=self.status.changed, telemetry=self._telemetry
        )
        self.outbox = Outbox(
            turns,
            topic=settings.topics.detections(settings.thing),
            path=settings.model_folder / "detections.sqlite3",
            size=settings.outbox_size,
        )
        self.page_url = ""
        self._sequence = Sequence(settings.model_folder / "sequence")
        self.reporter = DetectionPublisher(
            settings, take_number=self._sequence.take, put=self.outbox.put
        )
        self.project = ProjectStream(bins=lambda: self.reporter.bins)
        self.device = Newest()
        self.captures = captures_for(settings)
        self.drift = Drift()
        self._newest: Frame | None = None
        self.loop = InferenceLoop(
            settings=settings,
            slot=self.slot,
            status=self.status,
            report=self._report,
            watch=self._watch,
        )
        self.commands = Commands(
            paused=self.loop.paused,
            set_threshold=self.reporter.set_threshold,
            newest=lambda: self._newest,
            identify=self.project.identify,
            answer=lambda answer: self._telemetry_publisher.send("command", answer=answer),
            folder=settings.model_folder / "pictures",
        )
        self._store = ModelStore(settings.model_folder, threads=settings.threads)
        self._model_updates = ModelUpdates(
            settings.model_folder,
            store=self._store,
            in_use=lambda: self.loop.model,
            swap=self._swap,
        )

    def run(self) -> None:
        """Run until ``stop`` is set."""
        for name in self._settings.unknown:
            _log.warning("environment variable %s is not known to this version", name)
        parts: dict[str, Callable[[], None]] = {
            "source": self._run_source,
            "sight": lambda: self.loop.run_sight(self.stop),
            "loop": lambda: self.loop.run(self.stop),
            "models": self._run_models,
            "disk": lambda: self.outbox.run_disk(self.stop),
            "outbox": lambda: self.outbox.run(self.stop),
            "telemetry": lambda: self._telemetry_publisher.run(self.stop),
        }
        if self._subscriber is not None:
            parts["commands"] = self._listen
        if self.captures is not None:
            parts["captures"] = self._run_captures
        if self._settings.page is not None:
            parts["page"] = self._serve_page
            parts["drawing"] = self._draw
        run_all(parts, stop=self.stop, status=self.status)

    def finish(self, *, timeout: float) -> bool:
        """After the source's end, wait for the last item and its message; False on a time-out."""
        deadline = time.monotonic() + timeout
        while self.loop.busy and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.outbox.drain(timeout=max(deadline - time.monotonic(), 0.1))

    def live(self) -> Telemetry:
        """The camera's current state, for the page."""
        return self._telemetry(LIVE, None)

    def _telemetry(self, reason: str, answer: Answer | None) -> Telemetry:
        self.status.set_problem("sequence", self._sequence.problem)
        self.status.set_problem("outbox", self.outbox.problem)
        self.status.set_problem("disk", self.outbox.disk_problem)
        self.status.set_problem("captures", self.captures.problem if self.captures else None)
        model = self.loop.model
        return self.status.telemetry(
            reason=reason,
            model=model.name if model else None,
            dropped=self.slot.dropped,
            undelivered=self.outbox.undelivered,
            drift=self.drift.shift,
            unnamed=self.reporter.bins.unnamed(model.card.labels) if model else (),
            answer=answer,
        )

    def _listen(self) -> None:
        """Receive commands. If that fails, the camera works on without them."""
        if self._subscriber is not None:
            topic = self._settings.topics.commands(self._settings.thing)
            self._subscriber.run(topic, self.commands.take, self._hearing, self.stop)

    def _hearing(self) -> None:
        self.status.set_problem("commands", None)

    def _serve_page(self) -> None:
        # Imported on use: most cameras serve no page.
        from camera.page.server import PageServer  # noqa: PLC0415
        from camera.page.views import Inside, Views  # noqa: PLC0415

        if self._settings.page is not None:
            inside = Inside(
                live=self.live,
                model=lambda: self.loop.model,
                outbox=self.outbox,
                reporter=self.reporter,
                drift=self.drift,
            )
            views = Views(inside, project=self.project, device=self.device)
            server = PageServer(self._settings.page, views)
            self.status.set_problem("page", None)
            self.page_url = server.url
            server.run(self.stop)

    def _draw(self) -> None:
        lower_priority()
        self.project.run(self.stop)

    def _report(self, decision: Decision, model: Model, view: FrameAnalysis | None) -> None:
        item = self.reporter.report(decision, model, view)
        self.status.count_detection(UNSURE if item.unsure else item.class_name)

    def _watch(self, seen: FrameResult) -> None:
        self.project.watch(seen)
        drift = ""
        view, decision = seen.view, seen.decision
        if decision is not None and view.model is not None and view.pixels is not None:
            drift = self.drift.see(view.model, view.pixels, confidence=decision.confidence)
        if self.captures is not None:
            self.captures.watch(seen, drift=drift)

    def _run_captures(self) -> None:
        lower_priority()
        if self.captures is not None:
            self.captures.run(self.stop)

    def _swap(self, model: Model) -> None:
        self.loop.swap(model)
        self.status.set_problem("adoption", None)

    def _run_source(self) -> None:
        # Otherwise items that pass while the model is loaded after a restart would not be reported.
        self._disk_searched.wait(LONGEST_DELAY)
        capture = Capture(
            slot=self.slot,
            status=self.status,
            paused=self.loop.paused,
            opened=self.loop.camera_opened,
            show=self._show,
            holds=self.loop.holds,
        )
        capture.run(self._settings.source, self.stop)
        if not self.stop.is_set():
            self.source_ended.set()

    def _show(self, frame: Frame) -> None:
        self._newest = frame
        self.device.put(frame.jpeg)

    def _run_models(self) -> None:
        """Load the current model, then answer requests to adopt another."""
        try:
            self._store.prepare()
            self._model_updates.prepare()
            if self.loop.model is None:
                self._load_current()
        finally:
            self._disk_searched.set()
        self.status.set_problem("models", None)
        while not self.stop.wait(_POLL_SECONDS):
            for reason in self._model_updates.poll():
                self.status.set_problem("adoption", f"model refused: {reason}")
                self.status.changed.set()

    def _load_current(self) -> None:
        model = self._store.load_current()
        if model is None:
            self.status.set_problem("model", _NO_MODEL)
        else:
            _log.info("model %s (%s)", model.name.version, model.name.digest[:12])
            self.loop.swap(model)
