# SPDX-License-Identifier: Apache-2.0
"""A camera's certificate is rotated as docs/how-to/enrol-cameras.md says, a minute after enrolment.

The operator opens the window and ends the old certificate with ``make cameras``. On the box the
kit's own ``rotate.py`` runs; only ``systemctl`` is a stand-in, which stops and starts the simulated
core.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from ministack_edge.clients import kept_environment
from rehearsal.account import Account
from rehearsal.account_stages import operator_of
from rehearsal.cameras import Cameras
from rehearsal.enrolment import Kit
from rehearsal.errors import RehearsalError
from rehearsal.report import Rotated
from rehearsal.simulated_core.mqtt import Certificate, Connection, Endpoint, RefusedError

ROTATION_SECONDS = 120
_SYSTEMCTL = '#!/bin/sh\necho "systemctl $1"\nread -r _done\n'


@dataclass(frozen=True, kw_only=True)
class Box:
    """A camera's box. ``own`` are the files that its nucleus reads; ``stop`` and ``start`` are
    what ``systemctl`` does to that nucleus."""

    kit: Kit
    prefix: str
    serial: str
    template: str
    own: Certificate
    stop: Callable[[], None]
    start: Callable[[], None]

    def rotate(self) -> str:
        """Run the kit's rotate.py; the first characters of the new certificate's id.

        Raises RehearsalError with its output if it fails.
        """
        said = []
        services = {"stop": self.stop, "start": self.start}
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "systemctl"
            program.write_text(_SYSTEMCTL)
            program.chmod(0o755)
            with subprocess.Popen(
                self._command(),
                env=_found_first(folder),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process:
                limit = Timer(ROTATION_SECONDS, process.kill)
                limit.start()
                try:
                    for line in _lines(process):
                        if line.startswith("systemctl "):
                            services[line.split()[1]]()
                            print("done", file=process.stdin, flush=True)
                        else:
                            said.append(line)
                except BaseException:
                    process.kill()
                    raise
                finally:
                    limit.cancel()
        text = "".join(said).strip()
        made = re.search(r"ROTATED=\S+:([0-9a-f]+)", text)
        if process.returncode or not made:
            raise RehearsalError(f"{self.prefix}-{self.serial}: {text or 'rotate.py said nothing'}")
        return made[1]

    def _command(self) -> list[str]:
        given = {
            "kit": self.kit.folder,
            "endpoint": self.kit.endpoint.host,
            "port": self.kit.endpoint.port,
            "prefix": self.prefix,
            "template": self.template,
            "serial": self.serial,
            "service": "greengrass",
            "certificate": self.own.certificate,
            "key": self.own.key,
        }
        options = [text for name, value in given.items() for text in (f"--{name}", str(value))]
        return [sys.executable, str(self.kit.folder / "rotate.py"), *options]


def rotate_certificate(account: Account, cameras: Cameras) -> Rotated | None:
    """Rotate the certificate of the fleet's camera, which continues with the new one; None if this
    machine has no openssl.

    Raises RehearsalError if a step fails, or if AWS IoT still accepts the old certificate.
    """
    stages, operator, camera = account.stages, operator_of(account), cameras.fleet
    with stages.stage("rotation", "another certificate for a camera, by the kit's rotate.py"):
        if shutil.which("openssl") is None:
            stages.news("skipped: the kit's program needs openssl, which is not installed")
            return None
        own = camera.cloud.device.certificate
        old = _copied(own, account.work / "certificate before rotation")
        prefix = account.settings.prefix
        serial = camera.thing.removeprefix(f"{prefix}-")
        operator.run("tools.cameras", "--rotate", serial)
        made = Box(
            kit=cameras.kit,
            prefix=prefix,
            serial=serial,
            template=cameras.outputs["ProvisioningTemplate"],
            own=own,
            stop=camera.stop,
            start=cameras.start_fleet_again,
        ).rotate()
        operator.run("tools.cameras", "--rotated", f"{serial}:{made}")
        require_refused(cameras.kit.endpoint, old, camera.thing)
        stages.news(f"{camera.thing} uses certificate {made}; the one before is refused")
    return Rotated(thing=camera.thing, certificate=made)


def require_refused(endpoint: Endpoint, certificate: Certificate, thing: str) -> None:
    """Raise RehearsalError if a core can connect with this certificate."""
    try:
        with Connection(endpoint, certificate, thing):
            pass
    except RefusedError:
        return
    raise RehearsalError(f"{thing} may connect with a certificate that was ended")


def _lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    """What a process with a pipe says, line by line, until it ends."""
    yield from process.stdout or ()


def _copied(own: Certificate, folder: Path) -> Certificate:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return Certificate(
        certificate=Path(shutil.copy(own.certificate, folder)),
        key=Path(shutil.copy(own.key, folder)),
    )


def _found_first(folder: str) -> Mapping[str, str]:
    kept = kept_environment()
    return {**kept, "PATH": os.pathsep.join([folder, kept["PATH"]])}
