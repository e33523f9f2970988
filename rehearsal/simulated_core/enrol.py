# SPDX-License-Identifier: Apache-2.0
"""How a core gets its identity: fleet provisioning by claim, over MQTT.

The Java plug-in lets AWS IoT make the key; nucleus lite makes it and sends a signing request.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rehearsal.simulated_core.mqtt import Certificate, Connection, Endpoint, RejectedError
from rehearsal.simulated_core.recipe import Nucleus

HOOK_FAILED = "InvocationError"
"""What AWS IoT says where the pre-provisioning hook did not answer within five seconds, as a cold
function may not on a busy machine."""
HOOK_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A core's thing and its own certificate."""

    thing: str
    certificate: Certificate


def enrol(
    endpoint: Endpoint,
    claim: Certificate,
    *,
    prefix: str,
    template: str,
    serial: str,
    nucleus: Nucleus,
    folder: Path,
) -> Identity:
    """Ask AWS IoT for a certificate with the claim's, register by the template, keep both files.

    Raises ``simulated_core.mqtt.RefusedError`` with AWS IoT's answer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    own = Certificate(certificate=folder / "certificate.pem", key=folder / "private.key")
    # The client ids of the two nuclei's provisioning programs.
    client_id = f"{prefix}-claim-{serial}" if nucleus == "java" else str(uuid.uuid4())
    with Connection(endpoint, claim, client_id) as connection:
        if nucleus == "java":
            made = connection.ask("$aws/certificates/create/json", {})
            key = made["privateKey"].encode()
        else:
            key, request = _signing_request(f"{prefix}-{serial}")
            made = connection.ask(
                "$aws/certificates/create-from-csr/json", {"certificateSigningRequest": request}
            )
        own.key.write_bytes(key)
        own.key.chmod(0o600)
        own.certificate.write_text(made["certificatePem"])
        registered = _register(
            connection,
            template,
            {
                "certificateOwnershipToken": made["certificateOwnershipToken"],
                "parameters": {"SerialNumber": serial},
            },
        )
    return Identity(thing=str(registered["thingName"]), certificate=own)


def _register(connection: Connection, template: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """RegisterThing; asked again, with the same certificate, where the hook did not answer."""
    for left in reversed(range(HOOK_TRIES)):
        try:
            return connection.ask(f"$aws/provisioning-templates/{template}/provision/json", request)
        except RejectedError as error:
            if not left or HOOK_FAILED not in str(error):
                raise
        time.sleep(1)
    raise AssertionError  # the last try raises


def _signing_request(name: str) -> tuple[bytes, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = (
        x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private, request.public_bytes(serialization.Encoding.PEM).decode()
