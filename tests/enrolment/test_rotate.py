# SPDX-License-Identifier: Apache-2.0
"""A camera gets another certificate, and has one that works at every moment until then."""

import importlib
import shutil
import ssl
from pathlib import Path

import pytest

from rehearsal.enrolment import Kit
from rehearsal.errors import RehearsalError
from rehearsal.rotation import Box, require_refused
from rehearsal.simulated_core.mqtt import Certificate, Connection

KIT = Path(__file__).parents[2] / "tools/templates/enrolment"
PREFIX, TEMPLATE = "binsight", "binsight-provision"


class PowerCutError(BaseException):
    """Nothing that follows happens."""


@pytest.fixture(scope="module")
def rotating():
    """The kit's rotate.py, which imports what lies beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(KIT)
        return importlib.import_module("rotate")


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
            "endpoint": rotating.Endpoint(endpoint.host, endpoint.port, endpoint.root_ca),
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


@pytest.fixture
def rehearsed_box(endpoint, claim, enrolled, tmp_path):
    """A box as the rehearsal has it: the kit's folder, an enrolled camera, a nucleus that counts.

    ``begun`` is what ``systemctl`` was asked for.
    """
    kit = tmp_path / "kit"
    kit.mkdir()
    for name in ("rotate.py", "mqtt_client.py"):
        shutil.copy(KIT / name, kit)
    shutil.copy(endpoint.root_ca, kit / "AmazonRootCA1.pem")
    shutil.copy(claim.certificate, kit / "claim.pem.crt")
    shutil.copy(claim.key, kit / "claim.private.pem.key")

    def make(serial, begun, **changed):
        return Box(
            **{
                "kit": Kit(folder=kit, endpoint=endpoint),
                "prefix": PREFIX,
                "serial": serial,
                "template": TEMPLATE,
                "own": enrolled(tmp_path / serial, serial).certificate,
                "stop": lambda: begun.append("stop"),
                "start": lambda: begun.append("start"),
                **changed,
            }
        )

    return make


def test_the_rehearsal_rotates_with_the_program_of_the_kit(rehearsed_box, endpoint, iot, tmp_path):
    begun = []
    box = rehearsed_box("rot-4", begun)
    thing = f"{PREFIX}-rot-4"
    old = Certificate(
        certificate=Path(shutil.copy(box.own.certificate, tmp_path / "old.pem")),
        key=Path(shutil.copy(box.own.key, tmp_path / "old.key")),
    )
    made = box.rotate()
    assert begun == ["stop", "start"]
    with pytest.raises(RehearsalError, match="may connect with a certificate that was ended"):
        require_refused(endpoint, old, thing)
    for arn in iot.list_thing_principals(thingName=thing)["principals"]:
        if not arn.rpartition("/")[2].startswith(made):
            iot.update_certificate(certificateId=arn.rpartition("/")[2], newStatus="INACTIVE")
    require_refused(endpoint, old, thing)
    with Connection(endpoint, box.own, thing) as connection:
        connection.publish(f"binsight/{thing}/telemetry", b"{}")


def test_what_the_program_of_the_kit_could_not_do_is_said(rehearsed_box):
    begun = []
    with pytest.raises(RehearsalError, match="the camera keeps its current certificate"):
        rehearsed_box("rot-5", begun, template="another-template").rotate()
    assert begun == []


def test_a_nucleus_that_does_not_stop_ends_the_program(rehearsed_box):
    def stuck():
        raise RehearsalError("the nucleus does not stop")

    with pytest.raises(RehearsalError, match="does not stop"):
        rehearsed_box("rot-6", [], stop=stuck).rotate()
