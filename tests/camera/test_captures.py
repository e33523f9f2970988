# SPDX-License-Identifier: Apache-2.0
"""Unsure frames: kept only when asked to, few, bounded, and uploaded with a valid signature."""

import base64
import json
import re
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from camera.backoff import Backoff
from camera.captures import Captures
from camera.settings import SettingsError, from_environment
from camera.uploads import BucketUpload, Credentials, UploadError, device_credentials, signed
from tests.camera import tiny
from tests.camera.conftest import running, show, wait_for
from tests.camera.test_program import install
from tests.camera.test_settings import GOOD

KEYS = Credentials(access_key="AKIAEXAMPLE", secret_key="secret", token="session/token+==")


@pytest.fixture
def bucket():
    """A server that keeps what is put; ``status`` is its answer."""

    class Handler(BaseHTTPRequestHandler):
        server: Any

        def do_PUT(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.server.status == 200:
                self.server.put[self.path] = (body, dict(self.headers))
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *_):
            pass

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.put, server.status = {}, 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def kept(settings):
    folder = settings.model_folder / "captures"
    return sorted(folder.glob("*.jpg")) if folder.is_dir() else []


def unsure(settings, models):
    """A camera whose model is not sure of anything."""
    archive, digest = tiny.write_model(settings.model_folder.parent / "unsure", scale=0.001)
    install(settings, archive, digest)


def test_nothing_is_kept_unless_a_setting_says_so(settings, publisher, models, lens):
    unsure(settings, models)
    show(lens, "1.jpg", tiny.photo("glass"))
    with running(settings, publisher) as program:
        wait_for(lambda: publisher.of("detections"))
        assert program.captures is None
    assert kept(settings) == []
    assert from_environment(GOOD).captures == "off"


def test_an_unsure_frame_is_kept_with_its_prediction_and_a_sure_one_is_not(
    settings, publisher, models, lens
):
    unsure(settings, models)
    photo = tiny.photo("glass")
    with running(replace(settings, captures="local"), publisher):
        show(lens, "1.jpg", photo)
        (path,) = wait_for(lambda: kept(settings))
    assert path.read_bytes() == photo
    document = json.loads(path.with_suffix(".json").read_text())
    assert document["reason"] == "low confidence"
    assert set(document["probabilities"]) == set(tiny.LABELS)
    install(settings, *models["good"])
    with running(replace(settings, captures="local"), publisher):
        before = len(publisher.of("detections"))
        show(lens, "2.jpg", tiny.photo("paper"))
        wait_for(lambda: len(publisher.of("detections")) > before)
    assert len(kept(settings)) == 1


def test_an_hour_and_the_disk_have_bounds(settings, publisher, models, lens):
    unsure(settings, models)
    for number in range(8):
        show(lens, f"{number}.jpg", tiny.photo("glass", seed=number))
    with running(replace(settings, captures="local", captures_per_hour=3), publisher):
        wait_for(lambda: len(publisher.of("detections")) == 8)
        wait_for(lambda: len(kept(settings)) == 3)
    folder = settings.model_folder / "small"
    few = Captures(folder, thing="cam", unsure_below=1, per_hour=100, kept=2)
    for number in range(5):
        few._write(f"{number:015d}", b"jpeg", {})
    assert sorted(path.name for path in folder.iterdir()) == [
        "000000000000003.jpg",
        "000000000000003.json",
        "000000000000004.jpg",
        "000000000000004.json",
    ]


def test_captures_are_uploaded_when_the_bucket_is_back(tmp_path, bucket, monkeypatch):
    monkeypatch.setattr("camera.captures.Backoff", lambda **_: Backoff(first=0.05, longest=0.05))
    bucket.status = 503
    upload = BucketUpload(
        bucket="b",
        region="eu-west-1",
        credentials=lambda: KEYS,
        endpoint=f"http://127.0.0.1:{bucket.server_port}",
    )
    captures = Captures(tmp_path, thing="cam 1", unsure_below=1, per_hour=9, upload=upload)
    captures._write("000000000000001", b"picture", {"reason": "low confidence"})
    stop = threading.Event()
    thread = threading.Thread(target=captures.run, args=(stop,))
    thread.start()
    assert "HTTP 503" in wait_for(lambda: captures.problem)
    bucket.status = 200
    wait_for(lambda: bucket.put)
    wait_for(lambda: not list(tmp_path.iterdir()))
    stop.set()
    thread.join(timeout=5)
    body, headers = bucket.put["/b/cam%201/000000000000001.jpg"]
    assert body == b"picture"
    prediction = base64.b64decode(headers["x-amz-meta-prediction"])
    assert json.loads(prediction) == {"reason": "low confidence"}
    assert captures.problem is None


def test_the_signature_is_the_one_that_botocore_makes():
    content, url = b"picture", "https://b.s3.eu-west-1.amazonaws.com/cam%201/x.jpg"
    headers = {"content-type": "image/jpeg", "x-amz-meta-prediction": "e30="}
    ours = signed(url, content, headers=headers, credentials=KEYS, region="eu-west-1")
    request = AWSRequest(method="PUT", url=url, data=content, headers=headers)
    keys = BotoCredentials(KEYS.access_key, KEYS.secret_key, KEYS.token)
    request.context["payload_signing_enabled"] = True
    auth = S3SigV4Auth(keys, "s3", "eu-west-1")
    auth.add_auth(request)
    if request.headers["X-Amz-Date"] != ours["x-amz-date"]:
        pytest.skip("the second changed between the two")

    def parts(authorization):
        return re.sub(r",\s*", " ", authorization).split()

    assert parts(ours["authorization"]) == parts(request.headers["Authorization"])


class Exchange(BaseHTTPRequestHandler):
    """Greengrass' TokenExchangeService, as far as components see it."""

    def do_GET(self):
        allowed = self.headers["Authorization"] == "token"
        self.send_response(200 if allowed else 403)
        self.end_headers()
        keys = {"AccessKeyId": "AKID", "SecretAccessKey": "secret", "Token": "session"}
        self.wfile.write(json.dumps(keys).encode())

    def log_message(self, *_):
        pass


def test_a_token_exchange_service_that_came_back_at_another_port_is_found(monkeypatch):
    gone = ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
    gone.server_close()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = "/2016-11-01/credentialprovider/"
    monkeypatch.setenv(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://localhost:{gone.server_port}{path}"
    )
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token")
    asked = []

    class Core:
        def get_configuration(self, *, component_name, key_path):
            asked.append(component_name)
            return SimpleNamespace(value={"port": str(server.server_port)})

        def close(self, **_):
            pass

    try:
        assert device_credentials(connect=Core).access_key == "AKID"
        # From here on without asking.
        assert device_credentials(connect=Core).token == "session"
        assert asked == ["aws.greengrass.TokenExchangeService"]
    finally:
        server.shutdown()
        server.server_close()


def test_without_a_token_exchange_service_the_reason_is_named(monkeypatch):
    monkeypatch.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", raising=False)
    with pytest.raises(UploadError, match="TokenExchangeService"):
        device_credentials()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"BINSIGHT_CAPTURES": "yes"}, "allowed are off, local, upload"),
        ({"BINSIGHT_CAPTURES": "upload"}, "BINSIGHT_CAPTURES_BUCKET is missing"),
    ],
)
def test_a_captures_setting_that_cannot_be_right_is_named(changed, said):
    with pytest.raises(SettingsError, match=said):
        from_environment({**GOOD, **changed})
