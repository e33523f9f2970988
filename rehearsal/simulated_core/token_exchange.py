# SPDX-License-Identifier: Apache-2.0
"""A core's TokenExchangeService: hands the credentials of the role alias to components."""

import json
import threading
import uuid
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rehearsal.simulated_core.mqtt import RefusedError

NAME = "aws.greengrass.TokenExchangeService"
_PATH = "/2016-11-01/credentialprovider/"


class TokenExchange:
    """Serves credentials on a free port of 127.0.0.1, as AWS SDKs expect of a container's host.

    ``credentials()`` gives AccessKeyId, SecretAccessKey, Token and Expiration; what it raises as
    RefusedError is answered with 500, as a nucleus does that AWS refuses.
    """

    def __init__(self, credentials: Callable[[], Mapping[str, str]]) -> None:
        self._credentials = credentials
        self._token = uuid.uuid4().hex
        self._server: _Server | None = None

    def start(self) -> None:
        """Listen, in a thread of its own."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.credentials, self._server.token = self._credentials, self._token
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def configuration(self) -> dict[str, Any]:
        """What a component that asks the core for this service's configuration finds."""
        return {"activePort": self._server.server_address[1]} if self._server else {}

    def environment(self, recipe: Mapping[str, Any]) -> dict[str, str]:
        """The variables of a component's process; none where its recipe does not depend on it."""
        if self._server is None or NAME not in (recipe.get("ComponentDependencies") or {}):
            return {}
        port = self._server.server_address[1]
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://localhost:{port}{_PATH}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._token,
        }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    credentials: Callable[[], Mapping[str, str]]
    token: str


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        if self.path != _PATH:
            self._answer(404, {"message": self.path})
        elif self.headers.get("Authorization") != self.server.token:
            self._answer(403, {"message": "the authorization token is missing or wrong"})
        else:
            try:
                self._answer(200, self.server.credentials())
            except (RefusedError, OSError) as error:
                self._answer(500, {"message": str(error)})

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: the core's output is the rehearsal's."""
