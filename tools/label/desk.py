# SPDX-License-Identifier: Apache-2.0
"""Returns captures one after the other, records decisions, and can undo the last ones."""

import datetime
import threading
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError

from tools.label.captures import Capture, CaptureError, Captures
from tools.label.known import Known
from tools.label.photos import Photos, Plan

UNDO = 10
"""Decisions that can be undone; older ones are carried out in the background."""
_AHEAD = 4
_LOG_EVERY = 10

Decided = Literal["label", "not trash", "skip", "discard"]


class DeskError(Exception):
    """A request that is not possible now; the message is shown on the page."""


@dataclass(frozen=True)
class Decision:
    """What a person decided about a capture."""

    capture: Capture
    kind: Decided
    class_name: str
    at: str


class Desk:
    """One person's session. All methods may be called from any thread.

    A decision is carried out once ``UNDO`` newer ones exist, or by ``settle``. ``settle`` retries
    decisions that failed.
    """

    def __init__(
        self, captures: Captures, photos: Photos, known: Known, classes: Sequence[str]
    ) -> None:
        self._captures = captures
        self._photos = photos
        self._known = known
        self.classes = tuple(classes)
        self._lock = threading.RLock()
        self._queue = deque(captures.keys())
        self._reader = ThreadPoolExecutor(_AHEAD)
        self._writer = ThreadPoolExecutor(1)
        self._reading: dict[str, Future[Capture]] = {}
        self._pending: list[Decision] = []
        self._failed: list[Decision] = []
        self._counts: Counter[str] = Counter()
        self._applied = 0
        self._repeated: list[tuple[Decided, str]] = []
        self.problem = ""

    def current(self) -> Capture | None:
        """The capture to decide about; None if none is left.

        Near duplicates of known photos, and objects that are not captures, are skipped. Raises
        DeskError if the bucket does not answer; the next call tries again.
        """
        with self._lock:
            while self._queue:
                self._read_ahead()
                key = self._queue[0]
                try:
                    found = self._reading[key].result()
                except CaptureError as error:
                    self.problem = f"passed over: {error}"
                    self._pass("unreadable")
                    continue
                except (ClientError, BotoCoreError) as error:
                    self._reading.clear()
                    raise DeskError(f"{key}: {error}") from error
                if not self._known.alike(found.likeness):
                    return found
                self._pass("near duplicates")
            return None

    def following(self) -> Capture | None:
        """The capture after the current one, if it was read already."""
        with self._lock:
            reading = self._reading.get(self._queue[1]) if len(self._queue) > 1 else None
            if reading and reading.done() and not reading.exception():
                return reading.result()
            return None

    def find(self, key: str) -> Capture | None:
        """A capture that was read ahead or can be undone."""
        with self._lock:
            for one in self._pending:
                if one.capture.key == key:
                    return one.capture
            reading = self._reading.get(key)
        try:
            return reading.result() if reading else None
        except (CaptureError, ClientError, BotoCoreError):
            return None

    def decide(self, key: str, kind: Decided | Literal["same"], class_name: str = "") -> None:
        """Decide about the current capture. Raises DeskError where ``key`` is another one's."""
        with self._lock:
            found = self.current()
            if found is None or found.key != key:
                raise DeskError("that capture is no longer the current one")
            if kind == "same":
                if not self._repeated:
                    raise DeskError("there is no earlier decision to repeat")
                kind, class_name = self._repeated[-1]
            if kind == "label" and class_name not in self.classes:
                raise DeskError(f"class {class_name!r}: allowed: {', '.join(self.classes)}")
            decision = Decision(found, kind, class_name if kind == "label" else "", _now())
            self._pending.append(decision)
            self._pass(kind)
            if kind in ("label", "not trash"):
                self._repeated.append((kind, class_name))
            if kind == "label":
                self._known.add(found.key, found.likeness)
            while len(self._pending) > UNDO:
                self._writer.submit(self._apply, self._pending.pop(0))

    def undo(self) -> None:
        """Take the last decision back. Raises DeskError where none can be."""
        with self._lock:
            if not self._pending:
                raise DeskError("there is nothing left to undo")
            last = self._pending.pop()
            self._counts[last.kind] -= 1
            if last.kind in ("label", "not trash"):
                self._repeated.pop()
            self._known.forget(last.capture.key)
            done: Future[Capture] = Future()
            done.set_result(last.capture)
            self._reading[last.capture.key] = done
            self._queue.appendleft(last.capture.key)

    def settle(self) -> None:
        """Carry out every decision and write the log. Raises DeskError where one cannot be."""
        with self._lock:
            waiting, self._pending = self._pending, []
            for one in waiting:
                self._writer.submit(self._apply, one)
            self._writer.submit(lambda: None).result()
            failed, self._failed = self._failed, []
            for one in failed:
                self._writer.submit(self._apply, one)
            self._writer.submit(self._log).result()
            if self._failed:
                raise DeskError(f"{len(self._failed)} decisions are not saved: {self.problem}")

    def plan(self) -> Plan:
        """The manifest that would be written."""
        return self._photos.plan()

    def write_manifest(self, plan: Plan) -> str:
        """Write it; return its URI."""
        return self._photos.write_manifest(plan)

    @property
    def left(self) -> int:
        """Captures without a decision, including near duplicates."""
        return len(self._queue)

    @property
    def counts(self) -> dict[str, int]:
        """How many captures were labelled, skipped, and so on."""
        return {name: count for name, count in self._counts.items() if count}

    @property
    def undoable(self) -> int:
        """How many decisions can be undone."""
        return len(self._pending)

    @property
    def repeats(self) -> str:
        """The decision that "same as before" would repeat."""
        if not self._repeated:
            return ""
        kind, class_name = self._repeated[-1]
        return class_name or kind

    def _pass(self, counted: str) -> None:
        self._reading.pop(self._queue.popleft(), None)
        self._counts[counted] += 1

    def _read_ahead(self) -> None:
        for key in list(self._queue)[: _AHEAD + 1]:
            if key not in self._reading:
                self._reading[key] = self._reader.submit(self._captures.read, key)

    def _apply(self, decision: Decision) -> None:
        capture = decision.capture
        try:
            if decision.kind == "label":
                self._photos.put(capture, decision.class_name)
            if decision.kind == "discard":
                self._captures.discard(capture.key)
            elif decision.kind != "skip":
                self._captures.remove(capture.key)
                self._photos.record(
                    capture,
                    decision=decision.kind,
                    class_name=decision.class_name,
                    at=decision.at,
                )
            self._applied += 1
            if self._applied % _LOG_EVERY == 0:
                self._photos.write_log()
        except (ClientError, BotoCoreError) as error:
            self.problem = str(error)
            self._failed.append(decision)

    def _log(self) -> None:
        try:
            self._photos.write_log()
        except (ClientError, BotoCoreError) as error:
            raise DeskError(f"the list of labels is not saved: {error}") from error


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
