# SPDX-License-Identifier: Apache-2.0
"""Who may look at a camera's page."""

import http.client
import re
import socket
import ssl
import subprocess
from dataclasses import replace

import pytest

from camera.page.access import Access
from camera.settings import SettingsError, from_environment
from tests.camera.conftest import running, wait_for
from tests.camera.page_client import get
from tests.camera.test_settings import GOOD

TOKEN = "t" * 32


def test_a_token_is_asked_for_and_moves_into_a_cookie(settings, publisher, lens):
    page = Access.from_settings("127.0.0.1:0", token=TOKEN)
    with running(replace(settings, page=page), publisher) as program:
        wait_for(lambda: program.page_url)
        assert get(program, "/")[0].status == 403
        assert get(program, "/?token=wrong")[0].status == 403
        assert get(program, "/healthz")[0].status == 503
        answer, _ = get(program, f"/?token={TOKEN}")
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly; SameSite=Strict" in cookie
        assert get(program, "/", Cookie=cookie.split(";")[0])[0].status == 200
        assert get(program, "/metrics", Authorization=f"Bearer {TOKEN}")[0].status == 200
        assert get(program, "/metrics", Authorization="Bearer x")[0].status == 403


def test_with_a_certificate_it_is_served_over_tls(settings, publisher, tmp_path):
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=camera", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("openssl cannot make a certificate here")
    page = Access.from_settings(
        "127.0.0.1:0", token=TOKEN, certificate=str(certificate), key=str(key)
    )
    with running(replace(settings, page=page), publisher) as program:
        wait_for(lambda: program.page_url)
        assert program.page_url.startswith("https://")
        port = int(program.page_url.rsplit(":", 1)[1].rstrip("/"))
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        silent = socket.create_connection(("127.0.0.1", port))
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=10)
        connection.request("GET", "/", headers={"Authorization": f"Bearer {TOKEN}"})
        assert connection.getresponse().status == 200
        connection.close()
        silent.close()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"BINSIGHT_PAGE": "8080"}, "expected <address>:<port> or off"),
        ({"BINSIGHT_PAGE": "127.0.0.1:99999"}, "expected <address>:<port>"),
        ({"BINSIGHT_PAGE": "camera:80"}, "is not an IP address"),
        ({"BINSIGHT_PAGE": "0.0.0.0:80"}, "without BINSIGHT_PAGE_TOKEN only 127.0.0.1"),
        ({"BINSIGHT_PAGE": "0.0.0.0:80", "BINSIGHT_PAGE_TOKEN": "x"}, "at least 16 characters"),
        ({"BINSIGHT_PAGE": "127.0.0.1:80", "BINSIGHT_PAGE_KEY": "k"}, "go together"),
    ],
)
def test_a_page_setting_that_cannot_be_right_is_named(changed, said):
    with pytest.raises(SettingsError, match=re.escape(said)):
        from_environment({**GOOD, **changed})


def test_the_page_is_off_unless_it_is_asked_for():
    assert from_environment(GOOD).page is None
    page = from_environment({**GOOD, "BINSIGHT_PAGE": "[::1]:8080"}).page
    assert (page.host, page.port) == ("::1", 8080)


def test_a_taken_port_is_passed_over_for_the_next_free_one():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        asked = Access.from_settings(f"127.0.0.1:{taken.getsockname()[1]}", token=TOKEN)
        found = asked.on_free_port()
        assert asked.port < found.port < asked.port + 20
        assert replace(found, port=asked.port) == asked
        assert asked.on_free_port(tries=1) == asked
    assert asked.on_free_port() == asked
