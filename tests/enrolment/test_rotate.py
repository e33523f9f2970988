# SPDX-License-Identifier: Apache-2.0
"""A camera gets another certificate, and has one that works at every moment until then."""

import importlib.util
import ssl
from pathlib import Path

import pytest

from rehearsal.simulated_core.mqtt import Certificate, Connection

ROTATE = Path(__file__).parents[2] / "tools/templates/enrolment/rotate.py"
PREFIX, TEMPLATE = "binsight", "binsight-provision"


class PowerCutError(BaseException):
    """Nothing that follows happens."""


@pytest.fixture(scope="module")
def rotating():
    """The kit's rotate.py."""
    spec = importlib.util.spec_from_file_location("rotate", ROTATE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def box_of(rotating, endpoint, claim, enrolled):
    """Makes an enrolled camera, its files in a folder as a Java nucleus has them."""

    def make(folder, serial, **changed):
        return _box(rotating, endpoint, claim, enrolled(folder / "made", serial), folder, **changed)

    return make


def _box(rotating, endpoint, claim, made, folder, **changed):
    own = rotating.Pair(folder / "thingCert.crt", folder / "privKey.key")
    own.certificate.write_bytes(made.certificate.certificate.read_bytes())
    own.key.write_bytes(made.certificate.key.read_bytes())
    own.key.chmod(0o600)
    return rotating.Box(
        **{
            "endpoint": endpoint.host,
            "port": endpoint.port,
            "root_ca": endpoint.root_ca,
            "claim": rotating.Pair(claim.certificate, claim.key),
            "own": own,
            "prefix": PREFIX,
            "serial": made.thing.removeprefix(f"{PREFIX}-"),
            "template": TEMPLATE,
            "stop": ("sh", "-c", f"echo stop >> {folder}/calls"),
            "start": ("sh", "-c", f"echo start >> {folder}/calls"),
            **changed,
        }
    )


def _works(endpoint, box):
    """Whether the camera connects and publishes with the files that its nucleus reads."""
    ssl.create_default_context().load_cert_chain(box.own.certificate, box.own.key)
    pair = Certificate(certificate=box.own.certificate, key=box.own.key)
    with Connection(endpoint, pair, box.thing) as connection:
        connection.publish(f"binsight/{box.thing}/telemetry", b"{}")


def test_a_camera_rotates_its_certificate_and_the_old_one_can_end(
    rotating, endpoint, box_of, iot, tmp_path
):
    box = box_of(tmp_path, "rot-1")
    before = box.own.certificate.read_bytes()
    made = rotating.rotate(box)
    assert box.own.certificate.read_bytes() != before
    assert box.own.key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "calls").read_text() == "stop\nstart\n"
    principals = iot.list_thing_principals(thingName=box.thing)["principals"]
    assert len(principals) == 2
    for arn in principals:
        if not arn.endswith(made):
            iot.update_certificate(certificateId=arn.rpartition("/")[2], newStatus="INACTIVE")
    _works(endpoint, box)
    rotating.rotate(box)
    rotating.rotate(box)
    _works(endpoint, box)
    kept = sorted(path.name for path in box.identity.iterdir())
    assert kept == ["2", "3", "current"], "the one in use and the one before it"


def test_a_power_cut_at_any_step_leaves_a_certificate_that_works(
    rotating, endpoint, box_of, tmp_path, monkeypatch
):
    steps = []
    monkeypatch.setattr(rotating, "_done", steps.append)
    (tmp_path / "whole").mkdir()
    rotating.rotate(box_of(tmp_path / "whole", "cut-all"))
    assert len(steps) >= 10
    for number, step in enumerate(steps):
        folder = tmp_path / str(number)
        folder.mkdir()
        box = box_of(folder, f"cut-{number}")

        def cut(done, step=step):
            if done == step:
                raise PowerCutError(step)

        monkeypatch.setattr(rotating, "_done", cut)
        with pytest.raises(PowerCutError):
            rotating.rotate(box)
        _works(endpoint, box)
        monkeypatch.setattr(rotating, "_done", lambda _: None)
        rotating.rotate(box)
        _works(endpoint, box)


@pytest.fixture
def refusing(rotating, iot, monkeypatch):
    """Once called with a camera: its next certificate is deactivated when it is registered."""

    def refuse(box):
        before = box.own.certificate.read_text()

        def deactivate(done):
            if done != "the certificate is registered":
                return
            for arn in iot.list_thing_principals(thingName=box.thing)["principals"]:
                made = arn.rpartition("/")[2]
                described = iot.describe_certificate(certificateId=made)["certificateDescription"]
                if described["certificatePem"] != before:
                    iot.update_certificate(certificateId=made, newStatus="INACTIVE")

        monkeypatch.setattr(rotating, "PROOF_ATTEMPTS", 1)
        monkeypatch.setattr(rotating, "_done", deactivate)

    return refuse


def test_a_new_certificate_that_aws_iot_refuses_is_not_taken(
    rotating, endpoint, box_of, refusing, tmp_path
):
    """It is registered, but may not connect."""
    box = box_of(tmp_path, "rot-2")
    before = box.own.certificate.read_bytes()
    refusing(box)
    with pytest.raises(rotating.RotationError, match="does not accept the new certificate"):
        rotating.rotate(box)
    assert box.own.certificate.read_bytes() == before
    assert (tmp_path / "calls").read_text() == "stop\nstart\n"
    _works(endpoint, box)


def test_what_a_claim_may_not_is_said_and_changes_nothing(rotating, box_of, tmp_path):
    box = box_of(tmp_path, "rot-3", template="another-template")
    before = box.own.certificate.read_bytes()
    with pytest.raises(rotating.RotationError):
        rotating.rotate(box)
    assert box.own.certificate.read_bytes() == before
    assert not (tmp_path / "calls").exists(), "the nucleus was not stopped"
