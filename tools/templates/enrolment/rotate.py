# SPDX-License-Identifier: Apache-2.0
"""Give this camera another certificate, and keep the one it has until the new one works.

``install.sh --rotate SERIAL`` runs it as root, with Python 3.11 and nothing else installed. A power
cut at any moment leaves a certificate and a key that belong together and that AWS IoT accepts: the
two files become links into one folder, and one link is replaced to change both at once.
"""

import argparse
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ANSWER_SECONDS = 30
PROOF_ATTEMPTS, PROOF_PAUSE = 6, 5.0
"""AWS IoT may take some seconds until a new certificate may connect."""
CERTIFICATE, KEY = "certificate.pem", "private.key"
_CONNECT, _PUBLISH, _SUBSCRIBE, _DISCONNECT = 0x10, 0x30, 0x82, 0xE0
_CONNACK, _SUBACK = 0x20, 0x90


class RotationError(Exception):
    """Why the camera keeps the certificate that it has."""


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, kw_only=True)
class Box:
    """This camera: where its nucleus reads its files, and where AWS IoT listens."""

    endpoint: str
    port: int
    root_ca: Path
    claim: Pair
    own: Pair
    prefix: str
    serial: str
    template: str
    stop: Sequence[str]
    start: Sequence[str]

    @property
    def thing(self) -> str:
        return f"{self.prefix}-{self.serial}"

    @property
    def identity(self) -> Path:
        """The folder that the nucleus's two files are links into, once they are links."""
        return self.own.certificate.parent / "identity"


def rotate(box: Box) -> str:
    """Give the camera another certificate; return its id. Raises RotationError or OSError."""
    _link(box)
    number = 1 + max(int(path.name) for path in box.identity.iterdir() if path.name.isdigit())
    made = _folder(box.identity / str(number))
    pair = Pair(made / CERTIFICATE, made / KEY)
    certificate_id = _enrol(box, pair)
    for old, new in ((box.own.certificate, pair.certificate), (box.own.key, pair.key)):
        _like(old, new)
        _synced(new)
    _synced(made)
    _done("the new files are on disk")
    # The nucleus and the proof would disconnect each other: they have one client id.
    subprocess.run(box.stop, check=True)
    _done("the nucleus is stopped")
    try:
        _prove(box, pair)
        _point(box.identity / "current", str(number))
        _done("the new certificate is in use")
    finally:
        subprocess.run(box.start, check=True)
    _done("the nucleus is started")
    for path in box.identity.iterdir():
        if path.name.isdigit() and int(path.name) < number - 1:
            shutil.rmtree(path)
    return certificate_id


def _link(box: Box) -> None:
    """Make the nucleus's two files links to ``identity/current/``, their contents unchanged."""
    for path in (box.own.certificate, box.own.key):
        if not path.exists():
            raise RotationError(f"{path}: there is no such file; is this box enrolled?")
    current = box.identity / "current"
    if not current.is_symlink():
        shutil.rmtree(box.identity, ignore_errors=True)
        _folder(box.identity)
        first = _folder(box.identity / "0")
        for source, name in ((box.own.certificate, CERTIFICATE), (box.own.key, KEY)):
            shutil.copyfile(source, first / name)
            _like(source, first / name)
            _synced(first / name)
        _synced(first, box.identity)
        _done("the files are copied")
        _point(current, "0")
        _done("there is a current folder")
    for path, name in ((box.own.certificate, CERTIFICATE), (box.own.key, KEY)):
        if not path.is_symlink():
            _point(path, str(current / name))
            _done(f"{path.name} is a link")


def _enrol(box: Box, pair: Pair) -> str:
    """Ask AWS IoT for a certificate, with the claim's; register it for this camera's thing."""
    command = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-keyout", str(pair.key), "-subj", f"/CN={box.thing}"]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode:
        raise RotationError(f"openssl: {made.stderr.strip()}")
    _done("there is a key")
    with Mqtt(box, box.claim, f"{box.prefix}-claim-{box.serial}") as aws_iot:
        answer = aws_iot.ask(
            "$aws/certificates/create-from-csr/json", {"certificateSigningRequest": made.stdout}
        )
        pair.certificate.write_text(answer["certificatePem"])
        _done("there is a certificate")
        aws_iot.ask(
            f"$aws/provisioning-templates/{box.template}/provision/json",
            {
                "certificateOwnershipToken": answer["certificateOwnershipToken"],
                "parameters": {"SerialNumber": box.serial},
            },
        )
    _done("the certificate is registered")
    return str(answer["certificateId"])


def _prove(box: Box, pair: Pair) -> None:
    """Connect as the camera with the new certificate."""
    for attempt in range(PROOF_ATTEMPTS):
        if attempt:
            time.sleep(PROOF_PAUSE)
        try:
            with Mqtt(box, pair, box.thing):
                return
        except (RotationError, OSError) as error:
            failed = error
    raise RotationError(f"AWS IoT does not accept the new certificate: {failed}")


def _point(link: Path, target: str) -> None:
    """Make or replace a link in one step."""
    part = link.with_name(f"{link.name}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(target)
    part.replace(link)
    _synced(link.parent)


def _folder(path: Path) -> Path:
    """A new folder through which the nucleus's user may reach its files."""
    path.mkdir()
    path.chmod(0o755)
    return path


def _like(model: Path, path: Path) -> None:
    """Give a file the owner and the mode of another."""
    found = model.stat()
    os.chown(path, found.st_uid, found.st_gid)
    path.chmod(found.st_mode & 0o777)


def _synced(*paths: Path) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _done(step: str) -> None:
    """Tests cut the power here."""


class Mqtt:
    """As much of MQTT 3.1.1 over mutual TLS as fleet provisioning needs."""

    def __init__(self, box: Box, pair: Pair, client_id: str) -> None:
        self._box, self._pair, self._client_id = box, pair, client_id

    def __enter__(self) -> "Mqtt":
        context = ssl.create_default_context(cafile=str(self._box.root_ca))
        context.load_cert_chain(self._pair.certificate, self._pair.key)
        address = (self._box.endpoint, self._box.port)
        raw = socket.create_connection(address, timeout=ANSWER_SECONDS)
        self._socket = context.wrap_socket(raw, server_hostname=self._box.endpoint)
        try:
            # Protocol level 4, clean session, 60 s of keep-alive.
            self._send(_CONNECT, _text("MQTT") + b"\x04\x02\x00\x3c" + _text(self._client_id))
            kind, body = self._receive()
            if kind != _CONNACK or body[1:2] != b"\0":
                raise RotationError(f"AWS IoT refused the client id {self._client_id}")
        except BaseException:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            self._send(_DISCONNECT, b"")
        except OSError:
            pass
        finally:
            self._socket.close()

    def ask(self, topic: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Publish; the answer of ``<topic>/accepted``."""
        filters = b"".join(_text(f"{topic}/{kind}") + b"\0" for kind in ("accepted", "rejected"))
        self._send(_SUBSCRIBE, b"\0\x01" + filters)
        while True:
            kind, body = self._receive()
            if kind == _SUBACK:
                break
        if 0x80 in body[2:]:
            raise RotationError(f"AWS IoT refused to answer on {topic}")
        self._send(_PUBLISH, _text(topic) + json.dumps(document).encode())
        while True:
            kind, body = self._receive()
            if kind & 0xF0 != _PUBLISH:
                continue
            length = int.from_bytes(body[:2], "big")
            answered, payload = body[2 : 2 + length].decode(), body[2 + length :]
            if answered == f"{topic}/rejected":
                raise RotationError(
                    f"AWS IoT refused: {payload.decode()}; was make cameras "
                    f"ROTATE={self._box.serial} run in the last 24 hours, and no rotation tried in "
                    "the last 2 minutes?"
                )
            if answered == f"{topic}/accepted":
                answer: dict[str, Any] = json.loads(payload)
                return answer

    def _send(self, kind: int, body: bytes) -> None:
        left, length = len(body), b""
        while True:
            left, low = divmod(left, 128)
            length += bytes([low | (0x80 if left else 0)])
            if not left:
                break
        self._socket.sendall(bytes([kind]) + length + body)

    def _receive(self) -> tuple[int, bytes]:
        kind, length, shift = self._read(1)[0], 0, 0
        while True:
            low = self._read(1)[0]
            length |= (low & 0x7F) << shift
            shift += 7
            if low < 0x80:
                return kind, self._read(length)

    def _read(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            part = self._socket.recv(count - len(found))
            if not part:
                raise RotationError("AWS IoT closed the connection: it refused what was asked")
            found += part
        return found


def _text(value: str) -> bytes:
    return len(value.encode()).to_bytes(2, "big") + value.encode()


def main(arguments: list[str] | None = None) -> int:
    """Rotate and say what to do next; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("endpoint", "prefix", "serial", "template", "service"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("kit", "certificate", "key"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    given = parser.parse_args(arguments)
    box = Box(
        endpoint=given.endpoint,
        port=8883,
        root_ca=given.kit / "AmazonRootCA1.pem",
        claim=Pair(given.kit / "claim.pem.crt", given.kit / "claim.private.pem.key"),
        own=Pair(given.certificate, given.key),
        prefix=given.prefix,
        serial=given.serial,
        template=given.template,
        stop=("systemctl", "stop", given.service),
        start=("systemctl", "start", given.service),
    )
    try:
        made = rotate(box)[:8]
    except (RotationError, OSError, subprocess.CalledProcessError) as error:
        print(f"rotate: {error}; the camera keeps the certificate that it has", file=sys.stderr)
        return 1
    print(
        f"this box uses certificate {made} now. End the ones before it:\n"
        f"  make cameras ENV=... ROTATED={box.serial}:{made}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
