# SPDX-License-Identifier: Apache-2.0
"""Serves the labelling page to this machine only, below a random path."""

import json
import secrets
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from tools.label.captures import Capture
from tools.label.desk import Desk, DeskError
from tools.label.photos import Plan
from training.dataset.listing import DatasetError

KEYS = "1234567890qwertgacvbhijklmop"
"""Keys of the classes, in order; the page uses the other ones: D F N S U X Y and Z."""
_PAGE = Path(__file__).with_name("page.html")
_LARGEST_BODY = 10_000
_SHOWN = 3
_KINDS = ("label", "not trash", "skip", "discard", "same")
_POLICY = (
    "default-src 'none'; img-src 'self' data:; connect-src 'self'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class LabelServer:
    """The page of one session: ``url`` is what to open. ``finished`` is set with the manifest.

    A request needs the random path, and a Host header that names this server, so that no other
    web page that the person has open can reach it.
    """

    def __init__(self, desk: Desk, *, environment: str, port: int = 0) -> None:
        self.desk = desk
        self.environment = environment
        self.finished = threading.Event()
        self.manifest = ""
        self.plan: Plan | None = None
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self.host = f"127.0.0.1:{self._http.server_address[1]}"
        self.path = f"/{secrets.token_urlsafe(24)}/"
        self.url = f"http://{self.host}{self.path}"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    def __enter__(self) -> "LabelServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def state(self) -> dict[str, Any]:
        """What the page shows now."""
        desk = self.desk
        current, problem = None, ""
        try:
            current = desk.current()
        except DeskError as error:
            problem = str(error)
        return {
            "environment": self.environment,
            "classes": [
                {"name": name, "key": KEYS[index] if index < len(KEYS) else ""}
                for index, name in enumerate(desk.classes)
            ],
            "capture": _described(current) if current else None,
            "next": _photo(desk.following()),
            "left": desk.left,
            "counts": desk.counts,
            "undoable": desk.undoable,
            "repeats": desk.repeats,
            "problem": problem or desk.problem,
            "manifest": self.manifest,
        }

    def act(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        """Carry out the page's request and return the new state. Raises DeskError, DatasetError."""
        actions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "decide": self._decide,
            "undo": self._undo,
            "settle": self._settle,
            "manifest": self._manifest,
        }
        if action not in actions:
            raise DeskError(f"{action!r}: allowed: {', '.join(actions)}")
        if self.manifest:
            raise DeskError("the manifest is written; run the command again to label more")
        return actions[action](body)

    def _decide(self, body: dict[str, Any]) -> dict[str, Any]:
        kind = body.get("kind")
        if kind not in _KINDS:
            raise DeskError(f"kind {kind!r}: allowed: {', '.join(_KINDS)}")
        self.desk.decide(str(body.get("key")), kind, str(body.get("class") or ""))
        return self.state()

    def _undo(self, _: dict[str, Any]) -> dict[str, Any]:
        self.desk.undo()
        return self.state()

    def _settle(self, _: dict[str, Any]) -> dict[str, Any]:
        self.desk.settle()
        with self._lock:
            self.plan = plan = self.desk.plan()
        return {
            **self.state(),
            "plan": {"new": plan.new, "waiting": plan.waiting, "total": plan.total},
        }

    def _manifest(self, _: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            plan, self.plan = self.plan, None
        if plan is None:
            raise DeskError("finish first")
        self.manifest = self.desk.write_manifest(plan)
        return self.state()


def _described(capture: Capture) -> dict[str, Any]:
    region = capture.region
    return {
        "key": capture.key,
        "photo": _photo(capture),
        "cut": f"cut?key={quote(capture.key)}",
        "width": capture.width,
        "height": capture.height,
        "region": list(region) if region else None,
        "thought": [list(one) for one in capture.probabilities[:_SHOWN]],
        "reason": capture.reason,
        "model": capture.model,
        "camera": capture.camera,
    }


def _photo(capture: Capture | None) -> str:
    return f"photo?key={quote(capture.key)}" if capture else ""


def _handler(server: LabelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if (action := self._asked()) is None:
                return
            if action == "":
                self._answer(_PAGE.read_bytes(), "text/html; charset=utf-8")
            elif action == "state":
                self._json(server.state())
            elif action in ("photo", "cut"):
                key = parse_qs(urlsplit(self.path).query).get("key", [""])[0]
                found = server.desk.find(key)
                if found is None:
                    self._refuse(HTTPStatus.NOT_FOUND)
                else:
                    self._answer(found.frame if action == "photo" else found.cut, "image/jpeg")
            else:
                self._refuse(HTTPStatus.NOT_FOUND)

        def do_POST(self) -> None:
            if (action := self._asked()) is None:
                return
            try:
                length = int(self.headers.get("Content-Length") or 0)
                if not 0 <= length <= _LARGEST_BODY:
                    raise DeskError(f"{length} bytes; allowed: at most {_LARGEST_BODY}")
                body = json.loads(self.rfile.read(length) or b"{}")
                if not isinstance(body, dict):
                    raise DeskError("expected an object")
                self._json(server.act(action, body))
            except (DeskError, DatasetError, ClientError, BotoCoreError, ValueError) as error:
                self.close_connection = True
                self._json({"error": str(error)}, HTTPStatus.CONFLICT)
            # After the answer: the program ends, and the page should say so.
            if server.manifest:
                server.finished.set()

        def _asked(self) -> str | None:
            """The request below the random path; None if it was refused."""
            path = urlsplit(self.path).path
            known = secrets.compare_digest(path[: len(server.path)].encode(), server.path.encode())
            if self.headers.get("Host") == server.host and known:
                return path[len(server.path) :]
            self._refuse(HTTPStatus.NOT_FOUND)
            return None

        def _refuse(self, status: HTTPStatus) -> None:
            self.close_connection = True
            self._answer(b"", "text/plain", status)

        def _json(self, document: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
            self._answer(json.dumps(document).encode(), "application/json", status)

        def _answer(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
            self.send_response(status)
            # Photos may show people, so the browser must not store them.
            for name, value in (
                ("Content-Type", kind),
                ("Content-Length", str(len(content))),
                ("Cache-Control", "no-store"),
                ("Content-Security-Policy", _POLICY),
                ("Referrer-Policy", "no-referrer"),
                ("X-Content-Type-Options", "nosniff"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Requests are not logged: their path is the secret."""

    return Handler
