# SPDX-License-Identifier: Apache-2.0
"""Give this camera another certificate, and keep the current one until the new one works.

``install.sh --rotate SERIAL`` runs it as root, with Python 3.11 and nothing else installed;
``mqtt_client.py`` lies beside it. A power cut at any moment leaves a certificate and a key that
belong together and that AWS IoT accepts: the two files become links into one folder, and one link
is replaced to change both at once.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mqtt_client import Endpoint, Mqtt, MqttError, Pair

PROOF_ATTEMPTS, PROOF_PAUSE = 6, 5.0
"""AWS IoT may take some seconds until a new certificate may connect."""
HOOK_FAILED = "InvocationError"
"""AWS IoT's error if the pre-provisioning hook did not answer within five seconds."""
HOOK_ATTEMPTS, HOOK_PAUSE = 3, 1.0
CERTIFICATE, KEY = "certificate.pem", "private.key"


class RotationError(Exception):
    """The reason why the camera keeps its current certificate."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """This camera: its nucleus's files and AWS IoT's address."""

    endpoint: Endpoint
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
    """Give the camera another certificate; return its id.

    Raises RotationError, MqttError or OSError, and CalledProcessError if the nucleus cannot be
    stopped or started.
    """
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
    # The nucleus and the test connection would disconnect each other: they share one client id.
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
    """Get a certificate from AWS IoT with the claim; register it for this camera's thing."""
    command = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-keyout", str(pair.key), "-subj", f"/CN={box.thing}"]
    try:
        made = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        raise RotationError("openssl is missing: apt-get install openssl") from None
    if made.returncode:
        raise RotationError(f"openssl: {made.stderr.strip()}")
    _done("there is a key")
    with Mqtt(box.endpoint, box.claim, f"{box.prefix}-claim-{box.serial}") as aws_iot:
        answer = aws_iot.ask(
            "$aws/certificates/create-from-csr/json", {"certificateSigningRequest": made.stdout}
        )
        pair.certificate.write_text(answer["certificatePem"])
        _done("there is a certificate")
        _register(box, aws_iot, answer["certificateOwnershipToken"])
    _done("the certificate is registered")
    return str(answer["certificateId"])


def _register(box: Box, aws_iot: Mqtt, token: str) -> None:
    """Register the certificate; try the same one again if the hook did not answer."""
    topic = f"$aws/provisioning-templates/{box.template}/provision/json"
    request = {"certificateOwnershipToken": token, "parameters": {"SerialNumber": box.serial}}
    for left in reversed(range(HOOK_ATTEMPTS)):
        try:
            aws_iot.ask(topic, request)
            return
        except MqttError as error:
            if not left or HOOK_FAILED not in str(error):
                raise RotationError(
                    f"{error}; make cameras ROTATE={box.serial} lets this camera register one "
                    "certificate at once"
                ) from error
        time.sleep(HOOK_PAUSE)


def _prove(box: Box, pair: Pair) -> None:
    """Connect as the camera with the new certificate."""
    for attempt in range(PROOF_ATTEMPTS):
        if attempt:
            time.sleep(PROOF_PAUSE)
        try:
            with Mqtt(box.endpoint, pair, box.thing):
                return
        except (MqttError, OSError) as error:
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
    """Create a folder whose files the nucleus's user can reach."""
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


def main(arguments: list[str] | None = None) -> int:
    """Rotate and say what to do next; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("endpoint", "prefix", "serial", "template", "service"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--port", type=int, default=8883, help="where AWS IoT listens for MQTT")
    for name in ("kit", "certificate", "key"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    given = parser.parse_args(arguments)
    box = Box(
        endpoint=Endpoint(given.endpoint, given.port, given.kit / "AmazonRootCA1.pem"),
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
    except (RotationError, MqttError, OSError, subprocess.CalledProcessError) as error:
        print(f"rotate: {error}; the camera keeps its current certificate", file=sys.stderr)
        return 1
    print(
        f"this box uses certificate {made} now. End the ones before it:\n"
        f"  make cameras ENV=... ROTATED={box.serial}:{made}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
