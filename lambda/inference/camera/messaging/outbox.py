# SPDX-License-Identifier: Apache-2.0
"""The queue of outgoing detections: on disk, in order, retried with backoff, bounded."""

import logging
import threading
import time
from collections import deque
from pathlib import Path

from camera.backoff import Backoff
from camera.messaging.publishers import Publisher, PublishError
from camera.messaging.sqlite_queue import Message, SqliteQueue

_log = logging.getLogger(__name__)
_DISK_DELAY = 5.0


class Outbox:
    """Keeps detections until the broker has accepted them, in order.

    ``run_disk`` writes messages that ``put`` accepted to the queue file while ``run`` sends: older
    ones from the file, new ones from memory. So neither a slow disk nor a slow broker delays the
    camera or a message. While the disk fails, new messages stay in memory and are sent from there;
    those on an unreadable disk follow later, out of order. When ``size`` messages are waiting in
    either place, the oldest is dropped and counted. Sequences must increase. All messages go to
    ``topic``, including those that were queued while the settings named another one.
    """

    def __init__(self, publisher: Publisher, *, topic: str, path: Path, size: int) -> None:
        self._publisher = publisher
        self._topic = topic
        self._size = size
        self._file = SqliteQueue(path, size=size)
        self._unwritten: deque[Message] = deque()
        self._changed = threading.Condition()
        self._on_disk = 0
        self._written = 0
        self._lost = 0
        self._disk_fails = self._disk_searched = False
        self._last_sent = -1
        self.problem: str | None = None
        self.disk_problem: str | None = None

    @property
    def undelivered(self) -> int:
        """Messages that are waiting, plus those dropped since the start."""
        with self._changed:
            return len(self._unwritten) + self._on_disk + self._lost

    @property
    def waiting(self) -> int:
        """Messages that are waiting."""
        with self._changed:
            return len(self._unwritten) + self._on_disk

    def put(self, message: Message) -> None:
        """Accept a message; never blocks."""
        with self._changed:
            if len(self._unwritten) >= self._size:
                self._unwritten.popleft()
                self._lost += 1
            self._unwritten.append(message)
            self._changed.notify_all()

    def run_disk(self, stop: threading.Event) -> None:
        """Write accepted messages until ``stop`` is set, then the remaining ones."""
        self._count()
        while not stop.is_set() or self._unwritten:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._unwritten) or stop.is_set(), 0.2)
                message = self._unwritten[0] if self._unwritten else None
            if message is None:
                if self._disk_fails and not stop.wait(_DISK_DELAY):
                    self._count()
                continue
            try:
                given_up = self._file.add(message)
            except OSError as error:
                self._disk_failed(error)
                if stop.wait(_DISK_DELAY):
                    return
                continue
            with self._changed:
                # It may have been sent from memory, or dropped, in the meantime.
                waits = bool(self._unwritten) and self._unwritten[0] is message
                if waits:
                    self._unwritten.popleft()
                    self._on_disk += 1 - given_up
                    self._lost += given_up
                self._written += 1
                self._disk_fails, self.disk_problem = False, None
                self._changed.notify_all()
            if not waits:
                self._forget(message)

    def run(self, stop: threading.Event) -> None:
        """Send waiting messages until ``stop`` is set."""
        # Spread, so that a fleet does not retry in unison after a broker's outage.
        backoff = Backoff(first=0.5, longest=60.0, spread=True)
        while not stop.is_set():
            message, from_disk = self._first(timeout=0.2)
            if message is None:
                continue
            try:
                self._publisher.publish(self._topic, message.payload)
            except PublishError as error:
                self.problem = f"detections cannot be sent: {error}"
                delay = backoff.failed()
                _log.warning("%s; next attempt in %.1f s", self.problem, delay)
                stop.wait(delay)
                continue
            except ValueError:
                _log.exception("message cannot be sent at all; it is dropped")
                with self._changed:
                    self._lost += 1
            backoff.succeeded()
            self.problem = None
            self._remove(message, from_disk=from_disk)

    def flush(self, *, timeout: float) -> bool:
        """Wait until everything is on disk; False if it is not after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._unwritten, timeout)

    def drain(self, *, timeout: float) -> bool:
        """Wait until nothing is left to send; False if some are left after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._unwritten and not self._on_disk, timeout
            )

    def _count(self) -> None:
        """Messages on disk, from an earlier run or from before the disk failed."""
        try:
            self._recount()
        except OSError as error:
            self._disk_failed(error)
            return
        with self._changed:
            self._disk_searched = True
            if not self._unwritten:
                # It stays true until a write fails again.
                self._disk_fails, self.disk_problem = False, None
            self._changed.notify_all()

    def _recount(self) -> None:
        """Count the messages on disk, again if the other thread wrote meanwhile.

        If the count missed a message, a newer one would be sent from memory too early.
        """
        counted = False
        while not counted:
            with self._changed:
                written = self._written
            found = self._file.count(after=self._last_sent)
            with self._changed:
                counted = written == self._written
                if counted:
                    self._on_disk = found
                    self._changed.notify_all()

    def _disk_failed(self, error: OSError) -> None:
        with self._changed:
            self._disk_fails = self._disk_searched = True
            self.disk_problem = f"detections are kept in memory only: {error}"
            self._changed.notify_all()
        _log.error("%s", self.disk_problem)

    def _first(self, *, timeout: float) -> tuple[Message | None, bool]:
        """The oldest message, and whether it is from the disk.

        Memory is used only if nothing waits on disk, which is known once the messages of earlier
        runs were counted.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._on_disk > 0 or (self._disk_searched and bool(self._unwritten)),
                timeout,
            )
            on_disk = self._on_disk
            unwritten = self._unwritten[0] if self._disk_searched and self._unwritten else None
        if on_disk:
            try:
                if (message := self._file.first(after=self._last_sent)) is not None:
                    return message, True
            except OSError as error:
                self._disk_failed(error)
                time.sleep(min(timeout, 1.0))
            # There are fewer than counted: the file was damaged or removed.
            self._count()
        return unwritten, False

    def _remove(self, message: Message, *, from_disk: bool) -> None:
        with self._changed:
            # A message from memory may have been written to disk while it was sent.
            others_on_disk = self._on_disk - (message not in self._unwritten)
            if from_disk or not (others_on_disk > 0 or self._disk_fails):
                # Sent messages are not sent again, even if the disk refuses to remove them. But
                # older messages on a disk that could not be read must still be sent.
                self._last_sent = message.sequence
            if message in self._unwritten:
                # If it is being written right now, the writing thread removes it.
                self._unwritten.remove(message)
                self._changed.notify_all()
                return
        self._forget(message)

    def _forget(self, message: Message) -> None:
        """Delete a sent or dropped message from the disk."""
        try:
            self._file.remove(message.sequence, through=self._last_sent)
            self._recount()
        except OSError as error:
            self._disk_failed(error)
            with self._changed:
                self._on_disk = max(self._on_disk - 1, 0)
                self._changed.notify_all()
