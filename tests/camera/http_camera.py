# SPDX-License-Identifier: Apache-2.0
"""A network camera that speaks HTTP, as oddly as cameras do."""

import base64
import hashlib
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One connection of a client; what it asks for is answered by the server's ``answers``."""

    protocol_version = "HTTP/1.1"
    server: "HttpCamera"

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        try:
            path, answers = self.path.partition("?")[0], self.server.answers
            answers[path if path in answers else "/"](self)
        except OSError:
            self.close_connection = True

    def begin(self, kind: str, status: int = 200, **headers: str) -> None:
        """Status line and headers; in names ``_`` stands for ``-``."""
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def whole(self, kind: str, body: bytes, status: int = 200, **headers: str) -> None:
        """An answer of known length."""
        self.begin(kind, status, Content_Length=str(len(body)), **headers)
        self.wfile.write(body)

    def pause(self, seconds: float = 0.03) -> bool:
        """Wait for the time of the next frame; False when the camera is switched off."""
        return not self.server.off.wait(seconds)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


class HttpCamera(ThreadingHTTPServer):
    """Keeps what it was ``asked``: paths and headers."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answers = dict(answers)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.off = threading.Event()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def http_camera(
    answers: Mapping[str, Answer] | Answer, *, certificate: Path | None = None
) -> Iterator[HttpCamera]:
    """A camera that answers until the block ends. ``certificate``: a PEM file with its key."""
    camera = HttpCamera(answers if isinstance(answers, Mapping) else {"/": answers})
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        camera.socket = context.wrap_socket(camera.socket, server_side=True)
    threading.Thread(target=camera.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield camera
    finally:
        camera.off.set()
        camera.shutdown()
        camera.server_close()


def protected(answer: Answer, challenges: list[str], accepts: Callable[[str], bool]) -> Answer:
    """Asks for a login until ``accepts`` takes the Authorization header."""

    def ask(request: Request) -> None:
        if accepts(request.headers.get("Authorization", "")):
            return answer(request)
        request.send_response(401)
        for challenge in challenges:
            request.send_header("WWW-Authenticate", challenge)
        request.send_header("Content-Length", "4")
        request.end_headers()
        request.wfile.write(b"no!\n")
        return None

    return ask


def basic(user: str, password: str) -> Callable[[str], bool]:
    """Takes basic authentication with these."""
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return lambda given: given == wanted


def digest(
    user: str, password: str, *, name: str = "md5", session: bool = False
) -> Callable[[str], bool]:
    """Takes digest authentication with these, each count once (RFC 7616, section 3.4)."""
    seen = set()

    def hashed(*parts: str) -> str:
        return hashlib.new(name, ":".join(parts).encode()).hexdigest()

    def accepts(given: str) -> bool:
        parts = re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', given)
        raw = {key: re.sub(r"\\(.)", r"\1", quoted) or plain for key, quoted, plain in parts}
        if not given.startswith("Digest ") or (raw["nonce"], raw.get("nc")) in seen:
            return False
        if "nc" in raw:
            seen.add((raw["nonce"], raw["nc"]))
        secret = hashed(user, raw["realm"], password)
        if session:
            secret = hashed(secret, raw["nonce"], raw["cnonce"])
        between = [raw["nc"], raw["cnonce"], raw["qop"]] if "qop" in raw else []
        wanted = hashed(secret, raw["nonce"], *between, hashed("GET", raw["uri"]))
        return raw["response"] == wanted

    return accepts
