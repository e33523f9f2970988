# SPDX-License-Identifier: Apache-2.0
"""The whole program: its parts, each in a thread that outlives its own failures."""

import json
import logging
import threading
import time
from collections.abc import Callable

from camera.engine import Model
from camera.frames import Frame, FrameSlot
from camera.items import Decision
from camera.loop import InferenceLoop
from camera.mailbox import Mailbox
from camera.models import ModelStore
from camera.outbox import Outbox
from camera.publishers import Publisher, PublishError
from camera.reporter import Reporter
from camera.sequence import Sequence
from camera.settings import Settings
from camera.sight import View
from camera.sources import Source, SourceError, open_source
from camera.status import Status

_log = logging.getLogger(__name__)
_FIRST_DELAY, _LONGEST_DELAY = 1.0, 30.0
_GATHER_SECONDS, _REST_SECONDS = 0.3, 3.0
_NO_MODEL = "no model adopted yet"


class Program:
    """A camera from start to ``stop``. ``run`` blocks; start it in a thread of its own."""

    def __init__(self, settings: Settings, *, publisher: Publisher) -> None:
        self._settings = settings
        self._publisher = publisher
        self._publishing = threading.Lock()
        self.stop = threading.Event()
        self.source_ended = threading.Event()
        self._disk_searched = threading.Event()
        self.slot = FrameSlot()
        self.status = Status(thing=settings.thing, source=settings.source)
        self.outbox = Outbox(
            _Locked(publisher, self._publishing),
            path=settings.model_folder / "detections.sqlite3",
            size=settings.outbox_size,
        )
        self._sequence = Sequence(settings.model_folder / "sequence")
        self.reporter = Reporter(settings, take_number=self._sequence.take, put=self.outbox.put)
        self.loop = InferenceLoop(
            settings=settings,
            slot=self.slot,
            status=self.status,
            report=self._report,
        )
        self._store = ModelStore(settings.model_folder, threads=settings.threads)
        self._mailbox = Mailbox(
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
            "telemetry": self._run_telemetry,
        }
        threads = [
            threading.Thread(target=self._keep, args=(name, part), name=name, daemon=True)
            for name, part in parts.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def finish(self, *, timeout: float) -> bool:
        """After the source's end: wait for the last item and its message; False if too slow."""
        deadline = time.monotonic() + timeout
        while self.loop.busy and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.outbox.drain(timeout=max(deadline - time.monotonic(), 0.1))

    def report(self, *, reason: str = "change") -> None:
        """Send telemetry now; one that cannot be sent is not kept."""
        self.status.problem_is("sequence", self._sequence.problem)
        self.status.problem_is("outbox", self.outbox.problem)
        self.status.problem_is("disk", self.outbox.disk_problem)
        model = self.loop.model
        message = self.status.telemetry(
            reason=reason,
            model=model.name if model else None,
            dropped=self.slot.dropped,
            undelivered=self.outbox.undelivered,
        )
        topic = self._settings.topics.telemetry(self._settings.thing)
        payload = json.dumps(message.to_json(), separators=(",", ":")).encode()
        try:
            with self._publishing:
                self._publisher.publish(topic, payload)
        except PublishError as error:
            _log.warning("telemetry not sent: %s", error)

    def _report(self, decision: Decision, model: Model, view: View | None) -> None:
        self.reporter.report(decision, model, view)
        self.status.count_detection()

    def _swap(self, model: Model) -> None:
        self.loop.swap(model)
        self.status.problem_is("adoption", None)

    def _keep(self, name: str, part: Callable[[], None]) -> None:
        """Run a part again, with backoff, whenever it fails."""
        delay = _FIRST_DELAY
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                part()
                return
            except Exception as error:  # noqa: BLE001 - a camera outlives its parts
                if time.monotonic() - began > _LONGEST_DELAY:
                    delay = _FIRST_DELAY
                self.status.problem_is(name, f"{name}: {error or type(error).__name__}")
                _log.exception("%s failed; again in %.0f s", name, delay)
                self.stop.wait(delay)
                delay = min(delay * 2, _LONGEST_DELAY)

    def _run_source(self) -> None:
        """Read the source, opening it again with backoff whenever it is lost."""
        delay = _FIRST_DELAY
        source: Source | None = None
        # Items that pass while the model is being loaded after a restart would go unreported.
        self._disk_searched.wait(_LONGEST_DELAY)
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                source = source or open_source(self._settings.source)
                self._read_source(source)
                break
            except (SourceError, OSError) as error:
                if time.monotonic() - began > _LONGEST_DELAY:
                    delay = _FIRST_DELAY
                self.status.problem_is("source", str(error))
                self.status.source_is("lost")
                _log.warning("%s; again in %.0f s", error, delay)
            self.stop.wait(delay)
            delay = min(delay * 2, _LONGEST_DELAY)
        if not self.stop.is_set():
            self.status.problem_is("source", "the source is over")
            self.status.source_is("lost")
            self.source_ended.set()

    def _read_source(self, source: Source) -> None:
        """Frames into the slot until the source ends."""
        if source.live:
            self.loop.camera_opened()
        for jpeg in source.frames(self.stop):
            if self.stop.is_set():
                break
            frame = Frame(jpeg=jpeg, captured_at=time.monotonic())
            if source.live:
                self.slot.put(frame)
            else:
                self.slot.put_when_free(frame, stop=self.stop)
            self.status.problem_is("source", None)
            self.status.source_is("paused" if self.loop.paused.is_set() else "streaming")

    def _run_models(self) -> None:
        """Load the current model, then answer requests to adopt another."""
        try:
            self._store.prepare()
            self._mailbox.prepare()
            if self.loop.model is None:
                self._load_current()
        finally:
            self._disk_searched.set()
        self.status.problem_is("models", None)
        while not self.stop.wait(0.1):
            for reason in self._mailbox.poll():
                self.status.problem_is("adoption", f"model refused: {reason}")
                self.status.changed.set()

    def _load_current(self) -> None:
        model = self._store.load_current()
        if model is None:
            self.status.problem_is("model", _NO_MODEL)
        else:
            _log.info("model %s (%s)", model.name.version, model.name.digest[:12])
            self.loop.swap(model)

    def _run_telemetry(self) -> None:
        """Telemetry at the interval and soon after a change; changes are gathered for a moment."""
        due, told = time.monotonic(), -_REST_SECONDS
        # The first message, soon after the start, is news.
        self.status.changed.set()
        while not self.stop.is_set():
            changed = self.status.changed.wait(min(max(due - time.monotonic(), 0), 0.2))
            if not changed and time.monotonic() < due:
                continue
            if changed:
                # Gathered for a moment, and a state that flutters is not told at every turn.
                rest = max(_GATHER_SECONDS, told + _REST_SECONDS - time.monotonic())
                self.stop.wait(min(rest, self._settings.telemetry_seconds))
                self.status.changed.clear()
            self.report(reason="change" if changed else "interval")
            told = time.monotonic()
            due = told + self._settings.telemetry_seconds


class _Locked:
    """A publisher that detections and telemetry take turns at."""

    def __init__(self, publisher: Publisher, lock: threading.Lock) -> None:
        self._publisher = publisher
        self._lock = lock

    def publish(self, topic: str, payload: bytes) -> None:
        with self._lock:
            self._publisher.publish(topic, payload)
