# SPDX-License-Identifier: Apache-2.0
"""AWS credentials for a certificate: what the provider looks at, and what the credentials allow."""

from __future__ import annotations

import itertools
import urllib.error
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge_testing.devices import Device
from edge_testing.enforcing import ACCOUNT, REGION, Person, allow

IOT = f"arn:aws:iot:{REGION}:{ACCOUNT}"
ALIAS, BUCKET = "gauges", "device-credentials"
ASSUME = allow("iot:AssumeRoleWithCertificate", on=f"{IOT}:rolealias/*")
OWN_FOLDER = allow("s3:PutObject", on=f"arn:aws:s3:::{BUCKET}/${{credentials-iot:ThingName}}/*")
TRUST = {
    "Principal": {"Service": "credentials.iot.amazonaws.com"},
    "Condition": {"ArnEquals": {"aws:SourceArn": f"{IOT}:rolealias/{ALIAS}"}},
}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def aliases(root: Person, new_role: Any) -> None:
    """The gauges' alias; one whose role trusts the gauges' only; one for longer than its role."""
    root.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    role = new_role(OWN_FOLDER, trust=TRUST)
    iot = root.client("iot")
    for name, seconds in ((ALIAS, 900), ("others", 900)):
        iot.create_role_alias(roleAlias=name, roleArn=role, credentialDurationSeconds=seconds)
    anything = {"Principal": TRUST["Principal"]}
    long = new_role(trust=anything)
    iot.create_role_alias(roleAlias="long", roleArn=long, credentialDurationSeconds=7200)


@pytest.fixture
def device(root: Person, tmp_path: Any, aliases: None) -> Any:
    def make(*statements: Any) -> Device:
        folder = tmp_path / str(next(_numbers))
        return Device(aws=root.aws, iot=root.client("iot"), folder=folder).make(*statements)

    return make


def ask(device: Device, alias: str = ALIAS, thing: str = "", **more: Any) -> tuple[int, Any]:
    headers = {"x-amzn-iot-thingname": thing or device.thing}
    return device.call(f"/role-aliases/{alias}/credentials", **headers, **more)


def test_a_certificate_gets_credentials_for_its_own_folder(device: Any, root: Person) -> None:
    subject = device(ASSUME)
    status, found = ask(subject)
    assert status == 200
    keys = found["credentials"]
    assert keys["expiration"].endswith("Z")
    person = Person(root.aws, keys["accessKeyId"], keys["secretAccessKey"], keys["sessionToken"])
    # AWS names the session after the certificate.
    who = person.client("sts").get_caller_identity()["Arn"]
    assert who.endswith(f"/{subject.certificate_id}")
    s3 = person.client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{subject.thing}/one", Body=b"1")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=BUCKET, Key="device-of-another/one", Body=b"1")


def test_without_the_thing_in_the_request_its_variable_is_not_filled_in(
    device: Any, root: Person
) -> None:
    subject = device(ASSUME)
    status, found = subject.call(f"/role-aliases/{ALIAS}/credentials")
    assert status == 200
    keys = found["credentials"]
    person = Person(root.aws, keys["accessKeyId"], keys["secretAccessKey"], keys["sessionToken"])
    with pytest.raises(ClientError, match="AccessDenied"):
        person.client("s3").put_object(Bucket=BUCKET, Key=f"{subject.thing}/one", Body=b"1")


@pytest.mark.parametrize(
    ("statements", "alias", "expected"),
    [
        ((), ALIAS, (403, "Access Denied")),
        ((allow("iot:Connect"),), ALIAS, (403, "Access Denied")),
        (
            (allow("iot:AssumeRoleWithCertificate", on=f"{IOT}:rolealias/{ALIAS}"),),
            "others",
            (403, "Access Denied"),
        ),
        ((ASSUME,), "none", (404, "Role alias does not exist")),
        ((ASSUME,), "others", (400, "Unable to assume the role, or the role to assume does not")),
        ((ASSUME,), "long", (400, "exceeds the MaxSessionDuration")),
    ],
)
def test_refusals_come_in_the_order_of_aws(
    device: Any, statements: Any, alias: str, expected: tuple[int, str]
) -> None:
    status, found = ask(device(*statements), alias)
    assert (status, expected[1] in found["message"]) == (expected[0], True), found


def test_a_thing_counts_for_its_own_certificate_only(device: Any) -> None:
    one, another = device(ASSUME), device(ASSUME)
    refused = (403, {"message": "Invalid thing name passed"})
    assert ask(one, thing=another.thing) == refused
    assert ask(one, thing="nobody") == refused
    # The thing comes before the policy.
    assert ask(device(), thing=another.thing) == refused


def test_a_deactivated_certificate_gets_nothing(device: Any, root: Person) -> None:
    subject = device(ASSUME)
    assert ask(subject)[0] == 200
    root.client("iot").update_certificate(
        certificateId=subject.certificate_id, newStatus="INACTIVE"
    )
    refused = (403, {"message": "Certificate is invalid on this endpoint"})
    assert ask(subject) == refused
    assert ask(subject, own=False) == refused


def test_a_certificate_of_somebody_else_does_not_get_through_tls(
    device: Any, tmp_path: Any
) -> None:
    subject = device(ASSUME)
    (subject.folder / "own.pem").write_bytes(_self_signed())
    with pytest.raises((urllib.error.URLError, ConnectionError, OSError)):
        ask(subject)


def test_decisions_of_certificates_are_recorded(device: Any, decisions: Any) -> None:
    subject = device(allow("iot:Connect"))
    ask(subject)
    [line] = [one for one in decisions() if one["principal"] == subject.certificate_arn]
    assert (line["action"], line["decision"]) == ("iot:AssumeRoleWithCertificate", "deny")


def _self_signed() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somebody")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made.public_bytes(serialization.Encoding.PEM) + private
