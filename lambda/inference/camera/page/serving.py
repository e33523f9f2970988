# SPDX-License-Identifier: Apache-2.0
"""What a request's handler knows of the server that it works for."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from camera.page.access import Access
from camera.page.views import Views


class Serving(ThreadingHTTPServer):
    """A server with the page's content, its rules of access, and its end (``stopping``)."""

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        *,
        access: Access,
        views: Views,
    ) -> None:
        self.access = access
        self.views = views
        self.stopping = threading.Event()
        super().__init__(address, handler)
