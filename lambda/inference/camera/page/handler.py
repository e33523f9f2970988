# SPDX-License-Identifier: Apache-2.0
"""The page's addresses."""

import json
import logging
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from camera.page.access import COOKIE
from camera.page.streams import Newest

if TYPE_CHECKING:
    from camera.page.server import PageServer

_log = logging.getLogger(__name__)
_BOUNDARY = b"binsight-frame"
_IDLE_SECONDS = 5.0


class PageHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; no request changes anything, so forged requests are harmless."""

    server: "PageServer"
    server_version = "binsight"
    sys_version = ""
    timeout = 10

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path != "/healthz" and not self._allowed(parse_qs(parts.query)):
            return
        views = self.server.views
        pages: dict[str, Callable[[], None]] = {
            "/": lambda: self._send(200, "text/html; charset=utf-8", views.page),
            "/healthz": self._health,
            "/metrics": lambda: self._send(
                200, "text/plain; version=0.0.4; charset=utf-8", views.metrics()
            ),
            "/api/state": lambda: self._json(200, views.state()),
            "/streams/project.mjpeg": lambda: self._stream(views.project),
            "/streams/device.mjpeg": lambda: self._stream(views.device),
        }
        page = pages.get(parts.path)
        if page is not None:
            page()
        elif parts.path.startswith("/thumbnails/"):
            self._thumbnail(parts.path)
        else:
            self._send(404, "text/plain; charset=utf-8", b"there is nothing at this address\n")

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        _log.debug(format, *args)

    def _allowed(self, query: dict[str, list[str]]) -> bool:
        access = self.server.access
        token = query.get("token", [""])[0]
        if token and access.has(token):
            # Move the token from the address bar, history and logs into a cookie.
            secure = "; Secure" if access.certificate else ""
            self.send_response(303)
            self.send_header("Location", "/")
            self.send_header(
                "Set-Cookie", f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/{secure}"
            )
            self.send_header("Content-Length", "0")
            self.end_headers()
            return False
        if access.allows(
            authorization=self.headers.get("Authorization", ""),
            cookie=self.headers.get("Cookie", ""),
            host=self.headers.get("Host", ""),
        ):
            return True
        if token:
            # Slows down guessing.
            time.sleep(0.5)
        detail = b"open this page with ?token=<token>\n" if access.token else b"wrong host\n"
        self._send(403, "text/plain; charset=utf-8", detail)
        return False

    def _health(self) -> None:
        healthy, document = self.server.views.health()
        self._json(200 if healthy else 503, document)

    def _json(self, status: int, document: object) -> None:
        self._send(status, "application/json", json.dumps(document).encode())

    def _thumbnail(self, path: str) -> None:
        number = path.removeprefix("/thumbnails/").removesuffix(".jpg")
        jpeg = (
            self.server.views.thumbnail(int(number))
            if number.isascii() and number.isdigit()
            else None
        )
        if jpeg is None:
            self._send(404, "text/plain; charset=utf-8", b"no such picture (any more)\n")
        else:
            self._send(200, "image/jpeg", jpeg)

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self._guard()
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _guard(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", self.server.views.content_policy)
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")

    def _stream(self, newest: Newest) -> None:
        """Send the newest pictures until the viewer leaves. Slow viewers skip pictures."""
        self.send_response(200)
        boundary = _BOUNDARY.decode()
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={boundary}")
        self._guard()
        self.end_headers()
        if self.command == "HEAD":
            return
        newest.join(1)
        try:
            number = 0
            while not self.server.stopping.is_set():
                found, jpeg = newest.after(number, timeout=_IDLE_SECONDS)
                if not jpeg:
                    continue
                # Sending the same picture again detects viewers that have left.
                number = found
                header = b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
                self.wfile.write(header % (_BOUNDARY, len(jpeg)) + jpeg + b"\r\n")
        except OSError:
            _log.debug("viewer left")
        finally:
            newest.join(-1)
