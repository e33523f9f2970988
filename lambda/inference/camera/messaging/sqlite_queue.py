# SPDX-License-Identifier: Apache-2.0
"""Detections on disk, in an SQLite database that survives kills and power cuts."""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 5.0
_TABLE = """
CREATE TABLE IF NOT EXISTS detections (sequence INTEGER PRIMARY KEY, payload BLOB NOT NULL)
"""


class Message(NamedTuple):
    """A detection to be sent; consumers identify it by thing and sequence."""

    sequence: int
    payload: bytes


class SqliteQueue:
    """At most ``size`` messages in order of their sequence. Raises OSError if the disk fails.

    A message is on disk when ``add`` returns. A power cut may undo a removal: then the message is
    sent again with the same sequence.
    """

    def __init__(self, path: Path, *, size: int) -> None:
        self._path = path
        self._size = size
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def add(self, message: Message) -> int:
        """Store a message; returns how many of the oldest were dropped for it."""
        with self._lock, self._database() as database:
            database.execute("PRAGMA synchronous = FULL")
            with database:
                database.execute("INSERT OR REPLACE INTO detections VALUES (?, ?)", message)
                cursor = database.execute(
                    "DELETE FROM detections WHERE sequence <= (SELECT sequence FROM detections"
                    " ORDER BY sequence DESC LIMIT 1 OFFSET ?)",
                    (self._size,),
                )
                return cursor.rowcount

    def first(self, *, after: int = -1) -> Message | None:
        """The oldest message with a sequence greater than ``after``."""
        query = "SELECT * FROM detections WHERE sequence > ? ORDER BY sequence LIMIT 1"
        with self._lock, self._database() as database:
            row = database.execute(query, (after,)).fetchone()
        return Message(*row) if row else None

    def remove(self, sequence: int, *, through: int = -1) -> None:
        """Remove a delivered or dropped message, and all up to the sequence ``through``."""
        with self._lock, self._database() as database:
            database.execute("PRAGMA synchronous = NORMAL")
            with database:
                database.execute(
                    "DELETE FROM detections WHERE sequence = ? OR sequence <= ?",
                    (sequence, through),
                )

    def count(self, *, after: int = -1) -> int:
        """How many messages have a sequence greater than ``after``."""
        query = "SELECT count(*) FROM detections WHERE sequence > ?"
        with self._lock, self._database() as database:
            return int(database.execute(query, (after,)).fetchone()[0])

    def close(self) -> None:
        with self._lock:
            self._disconnect()

    @contextlib.contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """The open database; opened again after any error, replaced if it is damaged."""
        try:
            if self._connection is None:
                self._connection = self._open()
            yield self._connection
        except sqlite3.Error as error:
            self._disconnect()
            if isinstance(error, sqlite3.OperationalError):
                raise OSError(f"{self._path}: {error}") from error
            # The file is not a valid database. Its messages are lost, new ones are not.
            damaged = self._path.with_name(f"{self._path.name}.damaged")
            _log.error("%s: %s; moved to %s", self._path, error, damaged.name)
            self._path.replace(damaged)
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            raise OSError(f"{self._path}: {error}; replaced by a new file") from error

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=_PATIENCE_SECONDS, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            # Keeps the log small, because the disk is small.
            database.execute("PRAGMA journal_size_limit = 1000000")
            database.execute(_TABLE)
            database.commit()
        except BaseException:
            database.close()
            raise
        return database

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
