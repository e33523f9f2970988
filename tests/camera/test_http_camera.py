# SPDX-License-Identifier: Apache-2.0
"""Network cameras that send JPEG over HTTP, each played by a server in a thread."""

import io
import itertools
import json
import logging
import subprocess
import threading
import time
import traceback
from dataclasses import replace
from urllib.parse import quote

import pytest
from PIL import Image

from camera.sources import SourceError, http_client, open_source
from camera.sources import http_camera as source_module
from tests.camera import tiny
from tests.camera.conftest import running, wait_for
from tests.camera.http_camera import basic, digest, http_camera, protected

FRAMES = [tiny.photo(name, seed=2) for name in tiny.LABELS]
SECRET = 'p@ss/w0rd?x#"\\é:&%20'
LOGIN = f"admin:{quote(SECRET, safe='')}"


def thumbnailed():
    """A JPEG whose EXIF thumbnail holds a JPEG and a boundary."""
    file = io.BytesIO()
    inner = b"Exif\0\0" + FRAMES[0][:5000] + b"\r\n--frame\r\n\xff\xd9"
    Image.effect_noise((64, 48), 60).convert("RGB").save(file, "JPEG", exif=inner)
    return file.getvalue()


def read(uri, count=3):
    return list(itertools.islice(open_source(uri).frames(threading.Event()), count))


def refused(uri):
    """The sentence of refusal; no part of the secret is in it, nor in its traceback."""
    with pytest.raises(SourceError) as error:
        read(uri)
    told = "".join(traceback.format_exception(error.value))
    assert "w0rd" not in told
    assert quote(SECRET, safe="") not in told
    return str(error.value)


def stream(frames, *, kind="multipart/x-mixed-replace; boundary=frame", part=None, **headers):
    """Sends frames in turn, each after what ``part`` makes of it."""
    part = part or (lambda jpeg: b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n")

    def answer(request):
        request.close_connection = True
        request.begin(kind, Connection="close", **headers)
        for frame in itertools.cycle(frames):
            request.wfile.write(part(frame))
            if not request.pause():
                return

    return answer


def chunked(frames):
    def answer(request):
        request.begin("multipart/x-mixed-replace;boundary=b", Transfer_Encoding="chunked")
        for frame in itertools.cycle(frames):
            whole = b"--b\r\nContent-Type: image/jpeg\r\n\r\n" + frame + b"\r\n"
            for start in range(0, len(whole), 700):
                piece = whole[start : start + 700]
                request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if not request.pause():
                return

    return answer


def snapshot(request, kind="image/jpeg"):
    """Another picture for each request, as the request's own number says."""
    number = len([path for path, _ in request.server.asked if path == request.path])
    request.whole(kind, FRAMES[number % len(FRAMES)])


def with_length(jpeg):
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\nX-Timestamp: 1.5\r\n"
    return b"--frame\r\n" + head.encode() + b"\r\n" + jpeg + b"\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        stream(FRAMES),
        stream(FRAMES, part=with_length),
        stream(FRAMES, kind='multipart/x-mixed-replace; boundary="--frame"'),
        stream(FRAMES, kind="multipart/x-mixed-replace"),
        stream(FRAMES, kind="multipart/x-mixed-replace; boundary=other"),
        stream(FRAMES, kind="Multipart/Mixed;boundary==frame", part=lambda jpeg: jpeg),
        stream(FRAMES, kind="", part=lambda jpeg: b"frame\n\n" + jpeg + b"\0" * 50),
        stream(FRAMES, kind="image/jpeg", part=lambda jpeg: jpeg),
        stream(
            FRAMES, part=lambda jpeg: b"--frame\r\nContent-Type: text/plain\r\n\r\nhi\r\n" + jpeg
        ),
        # Tasmota, esp32cam: no boundary before the first picture.
        stream(
            FRAMES,
            part=lambda jpeg: b"Content-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n--frame\r\n",
        ),
        stream(FRAMES, part=lambda jpeg: b"--frameContent-type: image/jpeg\r\n\r\n" + jpeg),
        stream(FRAMES, kind="multipart/x-mixed-replace;boundary =b", Content_Length="0"),
        stream(FRAMES, kind="multipart/x-mixed-replace;boundary=b", Content_Length="20000"),
        chunked(FRAMES),
        snapshot,
        lambda request: snapshot(request, "image/jpeg;"),
        lambda request: snapshot(request, ""),
    ],
)
def test_every_way_to_send_jpeg_gives_the_frames_untouched(answer):
    with http_camera(answer) as camera:
        seen = read(f"http://{camera.place}#fps=60", 6)
    assert set(seen) == set(FRAMES)


def test_a_boundary_within_a_picture_does_not_cut_it():
    odd = thumbnailed()
    with http_camera(stream([odd], part=with_length)) as camera:
        assert read(f"HTTP://{camera.place}/#fps=60") == [odd] * 3


def test_no_more_frames_are_passed_on_than_asked_for():
    with http_camera({"/": stream(FRAMES), "/still": snapshot}) as camera:
        for path in ("/", "/still"):
            stop, began = threading.Event(), time.monotonic()
            threading.Timer(1, stop.set).start()
            source = open_source(f"http://{camera.place}{path}#fps=4")
            assert source.live
            seen = len(list(source.frames(stop)))
            most = 4.5 * (time.monotonic() - began) + 2
            assert 1 <= seen <= most
        assert len([path for path, _ in camera.asked if path == "/still"]) <= most


def test_a_snapshot_is_asked_for_over_one_connection_that_the_camera_may_close():
    connections = set()

    def closing(request):
        connections.add(request.client_address)
        request.whole("image/jpeg", FRAMES[0])
        # Closed without a word once three were answered.
        request.close_connection = len(request.server.asked) % 3 == 0

    with http_camera(closing) as camera:
        assert read(f"http://{camera.place}/#fps=60", 9) == [FRAMES[0]] * 9
    assert 3 <= len(connections) <= 4


@pytest.mark.parametrize(
    ("challenges", "accepts"),
    [
        (['Basic realm="a \\"b\\", c"'], lambda: basic("admin", SECRET)),
        (['Digest realm="x, y", nonce="n1"'], lambda: digest("admin", SECRET)),
        (
            ['Digest realm="x", nonce="n=1", qop="auth,auth-int", opaque="o", algorithm=MD5'],
            lambda: digest("admin", SECRET),
        ),
        (
            ['Basic realm="x"', 'Digest realm="x", qop=auth, nonce="n", algorithm=SHA-256'],
            lambda: digest("admin", SECRET, name="sha256"),
        ),
        (
            ['Digest realm="x", opaque=, nonce="n", algorithm=MD5-sess, qop="auth", Basic realm=x'],
            lambda: digest("admin", SECRET, session=True),
        ),
        (
            ['NTLM, Digest realm="x", algorithm=Token, Basic realm="x"'],
            lambda: basic("admin", SECRET),
        ),
    ],
)
@pytest.mark.parametrize("path", ["/", "/still?channel=1&x=a b"])
def test_a_login_with_any_password_is_given_when_asked_for(challenges, accepts, path):
    answers = {
        "/": protected(stream(FRAMES), challenges, accepts()),
        "/still": protected(snapshot, challenges, accepts()),
    }
    with http_camera(answers) as camera:
        assert len(read(f"http://{LOGIN}@{camera.place}{path}#fps=60", 4)) == 4
        assert "Authorization" not in camera.asked[0][1]
        # One challenge for all pictures: the login is kept.
        assert len([None for _, headers in camera.asked if "Authorization" not in headers]) == 1


def test_a_nonce_that_became_old_is_replaced():
    accepted = digest("admin", SECRET)
    nonces = iter(range(100))
    now = [""]

    def answer(request):
        given = request.headers.get("Authorization", "")
        if f'nonce="{now[0]}"' in given and accepted(given) and "nc=00000003" not in given:
            return snapshot(request)
        now[0] = str(next(nonces))
        stale = f'Digest realm="x", qop="auth", nonce="{now[0]}", stale={bool(given)}'
        return request.whole("", b"", 401, WWW_Authenticate=stale)

    with http_camera(answer) as camera:
        assert len(read(f"http://{LOGIN}@{camera.place}/#fps=60", 7)) == 7


def test_a_refusal_whose_end_is_not_given_is_not_waited_for():
    def answer(request):
        if request.headers.get("Authorization"):
            return snapshot(request)
        request.begin("text/html", 401, WWW_Authenticate='Basic realm="x"')
        request.wfile.write(b"no")
        return request.pause(30)

    with http_camera(answer) as camera:
        assert len(read(f"http://{LOGIN}@{camera.place}/#fps=60", 2)) == 2


def test_a_login_that_fails_or_is_missing_is_said():
    answer = protected(snapshot, ['Basic realm="x"'], basic("admin", "other"))
    with http_camera(answer) as camera:
        assert refused(f"http://{LOGIN}@{camera.place}/?p=w0rd").endswith(
            f"http://***@{camera.place}/: the camera refuses the user or password"
        )
        assert len(camera.asked) == 2
        assert "http://user:password@host" in refused(f"http://{camera.place}/")
    with http_camera(protected(snapshot, ["Negotiate"], basic("", ""))) as camera:
        assert "login by negotiate; basic and digest" in refused(f"http://{LOGIN}@{camera.place}")


def moved(location, status=302):
    return lambda request: request.whole("text/html", b"moved", status, Location=location)


def test_a_redirect_on_the_same_camera_is_followed_and_keeps_the_login():
    answers = {
        "/old": moved("/new?a=1", 301),
        "/new": protected(snapshot, ['Basic realm="x"'], basic("admin", SECRET)),
        "/round": moved("/round"),
        "/nowhere": moved("file:///etc/passwd"),
    }
    with http_camera(answers) as camera:
        assert len(read(f"http://{LOGIN}@{camera.place}/old", 2)) == 2
        assert "more than 5 redirects" in refused(f"http://{camera.place}/round")
        assert "does not say where to" in refused(f"http://{camera.place}/nowhere")


def test_no_other_host_gets_the_login():
    with http_camera(snapshot) as other:
        with http_camera(moved(f"http://u:w0rd@{other.place}/?p=w0rd")) as camera:
            said = refused(f"http://{LOGIN}@{camera.place}/")
            assert f"http://***@{other.place}/, which does not get its user" in said
            assert not other.asked
            assert read(f"http://{camera.place}/", 1) == [FRAMES[1]]
        assert "Authorization" not in other.asked[0][1]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda request: request.whole("text/html", b"<html>"), "answers with text/html; name"),
        (lambda request: request.whole("image/png", b"\x89PNG\r\n"), "no whole JPEG.*: it is PNG"),
        (lambda request: request.whole("image/jpeg", FRAMES[0][:-9]), "no whole JPEG"),
        (lambda request: request.whole("image/jpeg", b""), "no whole JPEG"),
        (lambda request: request.whole("", b"", 404), "answers 404 Not Found$"),
        (lambda request: request.whole("", b"", 799), "answers 799$"),
        (lambda request: request.wfile.write(b"w0rd\r\n\r\n"), r"not HTTP \(BadStatusLine\)"),
        (
            lambda request: request.wfile.write(
                b"HTTP/1.0 200 OK\r\n\r\n" + with_length(b"GIF89a")
            ),
            "it is GIF",
        ),
        (
            lambda request: request.whole(
                "multipart/mixed", b"--b--\r\nContent-Type: video/x-h264\r\n\r\n\0\0\1"
            ),
            "its type is video/x-h264",
        ),
        (
            lambda request: request.whole("multipart/mixed", with_length(FRAMES[0])),
            "the camera ended the stream$",
        ),
    ],
)
def test_what_is_no_camera_is_said(answer, said):
    def closing(request):
        request.close_connection = True
        answer(request)

    with http_camera(closing) as camera:
        with pytest.raises(SourceError, match=said):
            read(f"http://{LOGIN}@{camera.place}/a?b=w0rd")
        refused(f"http://{LOGIN}@{camera.place}/")


def test_a_camera_that_says_nothing_is_lost(monkeypatch):
    monkeypatch.setattr(source_module, "_PATIENCE_SECONDS", 0.2)
    nothing = stream([b"\0" * 10], part=lambda each: each)
    with http_camera({"/": lambda request: request.pause(30), "/zeros": nothing}) as camera:
        assert "no JPEG for 0.2 s" in refused(f"http://{camera.place}/zeros")
        monkeypatch.setattr(http_client, "_READ_SECONDS", 0.2)
        assert "does not answer in time" in refused(f"http://{camera.place}/")
    assert "refused" in refused(f"http://{LOGIN}@127.0.0.1:9/")
    assert "no host can have this name" in refused(f"http://{LOGIN}@{'a' * 70}.example/")


def test_no_proxy_of_the_environment_is_asked(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with http_camera(snapshot) as camera:
        assert read(f"http://{camera.place}/", 1)


def certificate(folder, name):
    """A certificate that signed itself, with its key in the same file."""
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-subj", "/CN=camera", "-addext", f"subjectAltName={name}"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")),
        ],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("openssl cannot make a certificate here")
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "certificate.pem").read_bytes())
    return both


def test_tls_needs_a_certificate_that_is_known(tmp_path):
    pem = certificate(tmp_path, "IP:127.0.0.1")
    with http_camera(snapshot, certificate=pem) as camera:
        said = refused(f"https://{LOGIN}@{camera.place}/?p=w0rd")
        assert "certificate is not accepted (self-signed certificate)" in said
        assert "#ca=/path/to/camera.pem" in said
        assert not camera.asked
        ca = tmp_path / "certificate.pem"
        assert read(f"https://{camera.place}/#ca={ca}", 2)
        local = f"https://localhost:{camera.server_address[1]}/#ca={ca}"
        assert "Hostname mismatch" in refused(local) or "not valid for 'localhost'" in refused(
            local
        )
        (tmp_path / "empty.pem").write_text("no certificate")
        assert "no certificate in PEM" in refused(f"https://{camera.place}#ca={tmp_path}/empty.pem")
        assert "No such file" in refused(f"https://{camera.place}#ca={tmp_path}/none.pem")
        with http_camera({"/": moved(f"https://{camera.place}/")}) as plain:
            assert "not accepted" in refused(f"http://{LOGIN}@{plain.place}/")
    with http_camera(snapshot) as camera:
        assert "no TLS connection: wrong version number" in refused(f"https://{camera.place}")


def test_a_camera_that_hangs_up_is_lost_and_delivers_again(settings, publisher, caplog):
    caplog.set_level(logging.DEBUG)
    hang_up = threading.Event()

    def answer(request):
        request.begin("multipart/x-mixed-replace")
        while request.pause():
            request.wfile.write(with_length(FRAMES[0]))
            if hang_up.is_set():
                hang_up.clear()
                request.close_connection = True
                return

    ask = protected(answer, ['Basic realm="x"'], basic("admin", SECRET))
    with http_camera(ask) as camera:
        uri = f"http://{LOGIN}@{camera.place}/?key={quote(SECRET, safe='')}"
        with running(replace(settings, source=uri), publisher) as program:
            wait_for(lambda: publisher.state.get("source_state") == "streaming")
            hang_up.set()
            wait_for(lambda: publisher.state["source_state"] == "lost")
            assert publisher.state["problem"].endswith("the camera ended the stream")
            before = program.live().frames
            wait_for(lambda: publisher.state["source_state"] == "streaming")
            wait_for(lambda: program.live().frames > before)
    told = json.dumps(publisher.messages) + caplog.text + repr(settings) + repr(open_source(uri))
    assert f"http://***@{camera.place}/" in told
    assert "w0rd" not in told


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http:///video", "expected http://"),
        ("http://camera/1#fps=0", "option fps = '0': allowed are 0.2 to 60"),
        ("http://camera/1#ca=/x.pem", "unknown option: allowed are fps"),
        ("https://camera/1#ca=x.pem", "option ca = 'x.pem': allowed is a path that begins with /"),
        ("http://admin:a%0d%0ab@camera/1", "a line break or another control character"),
        ("http://admin:2024/77@camera/s", "%2F"),
    ],
)
def test_a_wrong_address_is_refused(uri, said):
    with pytest.raises(SourceError, match=said):
        open_source(uri)
