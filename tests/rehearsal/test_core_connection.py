# SPDX-License-Identifier: Apache-2.0
"""A core's connection on a machine that is too busy for a TLS handshake in time."""

import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from rehearsal.simulated_core.mqtt import Certificate, Connection, Endpoint, RefusedError


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes a certificate with openssl")
def test_a_handshake_that_timed_out_is_tried_again(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=core", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    accepted = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            silent, _ = server.accept()  # never answers: the client gives up after 10 s
            accepted.append(silent)
            refusing, _ = server.accept()
            accepted.append(refusing)
            refusing.close()

        threading.Thread(target=serve, daemon=True).start()
        endpoint = Endpoint(host="127.0.0.1", port=server.getsockname()[1], root_ca=certificate)
        connection = Connection(endpoint, Certificate(certificate=certificate, key=key), "core")
        with pytest.raises(RefusedError) as refused:
            connection.open()
        assert len(accepted) == 2
        assert "TLS_NEGOTIATION_TIMEOUT" not in str(refused.value)
        accepted[0].close()
