# SPDX-License-Identifier: Apache-2.0
"""How the rehearsal's cameras enrol: with a kit that the operator makes, as docs/how-to says."""

import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.mqtt import Certificate, Endpoint

KIT_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Kit:
    """An enrolment kit as ``make enrolment`` writes it, and where AWS IoT listens."""

    folder: Path
    endpoint: Endpoint

    @property
    def claim(self) -> Certificate:
        """The claim certificate."""
        return Certificate(
            certificate=self.folder / "claim.pem.crt", key=self.folder / "claim.private.pem.key"
        )


def make_kit(
    *,
    environment_name: str,
    serials: Sequence[str],
    folder: Path,
    endpoint: str,
    mqtt_port: int,
    environment: Mapping[str, str],
) -> Kit:
    """Run the command of ``make enrolment`` for these serial numbers.

    ``endpoint`` is the local AWS's, ``environment`` the operator's process environment. Raises
    RehearsalError with what the command said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root_ca, cameras = folder / "root-ca.pem", folder / "cameras.csv"
    with urllib.request.urlopen(f"{endpoint}/_ministack/iot/ca.pem", timeout=30) as answer:  # noqa: S310 - the local AWS
        root_ca.write_bytes(answer.read())
    lines = [f"{serial},rehearsal\n" for serial in serials]
    cameras.write_text("".join(["serial,site\n", *lines]))
    command = [sys.executable, "-m", "tools.enrolment", "--environment", environment_name]
    command += ["--cameras", str(cameras), "--root-ca", str(root_ca), "--out", str(folder / "kit")]
    done = subprocess.run(
        command,
        env={**environment, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=KIT_SECONDS,
    )
    if done.returncode:
        raise RehearsalError(f"make enrolment failed: {done.stderr.strip()}")
    return Kit(
        folder=folder / "kit",
        endpoint=Endpoint(host="localhost", port=mqtt_port, root_ca=root_ca),
    )
