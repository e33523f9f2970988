# SPDX-License-Identifier: Apache-2.0
"""How the rehearsal's cameras enrol: with a kit that the operator makes, as docs/how-to says."""

import json
import shutil
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ministack_edge.process import LocalAws
from rehearsal.commands import Operator
from rehearsal.simulated_core.mqtt import Certificate, Endpoint


@dataclass(frozen=True, kw_only=True)
class Kit:
    """An enrolment kit as ``make enrolment`` writes it, and where AWS IoT listens."""

    folder: Path
    endpoint: Endpoint

    @property
    def id(self) -> str:
        """The first characters of the claim certificate's id."""
        return str(json.loads((self.folder / "kit.json").read_text())["MADE"])

    @property
    def claim(self) -> Certificate:
        """The claim certificate."""
        return Certificate(
            certificate=self.folder / "claim.pem.crt", key=self.folder / "claim.private.pem.key"
        )


def make_kit(operator: Operator, serials: Sequence[str], folder: Path, aws: LocalAws) -> Kit:
    """Run the command of ``make enrolment`` for these serial numbers; ``folder`` is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    root_ca, cameras = folder / "root-ca.pem", folder / "cameras.csv"
    url = f"{aws.endpoint}/_ministack/iot/ca.pem"
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - the local AWS
        root_ca.write_bytes(answer.read())
    cameras.write_text("".join(["serial,site\n", *(f"{serial},rehearsal\n" for serial in serials)]))
    options = ("--cameras", str(cameras), "--root-ca", str(root_ca), "--out", str(folder / "kit"))
    operator.run("tools.enrolment", *options)
    return Kit(
        folder=folder / "kit",
        endpoint=Endpoint(host="localhost", port=aws.mqtt_port, root_ca=root_ca),
    )


def retire(operator: Operator, serials: Sequence[str], kit: Kit) -> None:
    """Run the command of ``make cameras`` that ends these cameras and their kit.

    AWS refuses to delete a policy that a certificate has, so this comes before ``cdk destroy``.
    """
    operator.run("tools.cameras", "--retire", ",".join(serials), "--revoke", kit.id)
