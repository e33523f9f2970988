# SPDX-License-Identifier: Apache-2.0
"""A camera's way to AWS IoT: one connection of its own, opened again whenever it is gone."""

import threading
from collections.abc import Callable
from contextlib import suppress

from camera.messaging.publishers import PublishError
from rehearsal.simulated_core.enrol import Identity
from rehearsal.simulated_core.mqtt import Connection, Endpoint, RefusedError


class Link:
    """Publishes as a thing. ``opened`` is called with each new connection."""

    def __init__(
        self, endpoint: Endpoint, identity: Identity, opened: Callable[[Connection], None]
    ) -> None:
        self._endpoint, self._identity, self._attach = endpoint, identity, opened
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._lost = threading.Event()

    def open(self) -> None:
        """Connect unless it is connected; raises PublishError where AWS IoT refuses."""
        with self._lock:
            self._carry_out(lambda _connection: None)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish and wait for the acknowledgement; raises PublishError without one."""
        with self._lock:
            self._carry_out(lambda connection: connection.publish(topic, payload))

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            self._drop()

    def _carry_out(self, what: Callable[[Connection], None]) -> None:
        try:
            if self._lost.is_set():
                # What was asked for on the old connection is asked for again.
                self._drop()
            if self._connection is None:
                self._connection = self._opened()
            what(self._connection)
        except RefusedError as error:
            self._drop()
            raise PublishError(str(error)) from error

    def _opened(self) -> Connection:
        self._lost.clear()
        connection = Connection(
            self._endpoint, self._identity.certificate, self._identity.thing, lost=self._lost.set
        ).open()
        try:
            self._attach(connection)
        except RefusedError:
            connection.close()
            raise
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(RefusedError):
                connection.close()
