# SPDX-License-Identifier: Apache-2.0
"""The page's HTTP server, with the standard library, for a few possibly slow viewers."""

import contextlib
import logging
import socket
import threading
from http.server import ThreadingHTTPServer
from typing import Any

from camera.page.access import Access
from camera.page.handler import PageHandler
from camera.page.views import Views
from camera.thread_priority import lower_priority

_log = logging.getLogger(__name__)
_MOST_CONNECTIONS = 40


class PageServer(ThreadingHTTPServer):
    """Serves one camera. ``start`` binds; ``run`` serves until ``stop`` is set."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, access: Access, views: Views) -> None:
        self._room = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        self._tls = access.tls()
        if ":" in access.host:
            self.address_family = socket.AF_INET6
        self.access = access
        self.views = views
        self.stopping = threading.Event()
        super().__init__((access.host, access.port), PageHandler)

    @property
    def url(self) -> str:
        host = f"[{self.access.host}]" if ":" in self.access.host else self.access.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.server_port}/"

    def run(self, stop: threading.Event) -> None:
        """Serve until ``stop`` is set."""
        _log.info("page at %s", self.url)
        ender = threading.Thread(target=self._end_with, args=(stop,), daemon=True)
        ender.start()
        lower_priority()
        self.serve_forever(poll_interval=0.2)
        self.server_close()

    def _end_with(self, stop: threading.Event) -> None:
        stop.wait()
        self.stopping.set()
        self.shutdown()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Each connection gets a thread, up to a limit; further connections are refused."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        lower_priority()
        try:
            request.settimeout(10)
            if self._tls is not None:
                # Here and not in accept(): a silent client must not block others.
                request = self._tls.wrap_socket(request, server_side=True)
            super().process_request_thread(request, client_address)
        except OSError as error:
            _log.debug("connection of %s ended: %s", client_address, error)
            with contextlib.suppress(OSError):
                request.close()
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request
        _log.debug("request of %s failed", client_address, exc_info=True)
