# SPDX-License-Identifier: Apache-2.0
"""Where CloudFormation waits for the answer of a custom resource."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class AnswersServer(HTTPServer):
    """Keeps the answers that it gets."""

    answers: list[dict[str, Any]]


@contextmanager
def receiver() -> Iterator["AnswersServer"]:
    """A server on loopback; its ``answers`` is what it got."""

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self):
            size = int(self.headers["Content-Length"])
            server.answers.append(json.loads(self.rfile.read(size)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = AnswersServer(("127.0.0.1", 0), Receiver)
    server.answers = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
