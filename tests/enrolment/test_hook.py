# SPDX-License-Identifier: Apache-2.0
"""Who may become a camera: every way in that is closed, and the one that is open."""

import pytest
from enrolment.hook import answer
from enrolment.kits import close_expired

NOW = 1_800_000_000
EVENT = {
    "claimCertificateId": "kit-1",
    "certificateId": "new-1",
    "clientId": "binsight-claim-7",
    "parameters": {"SerialNumber": "7"},
}


class Memory:
    """A registry of one kit and one camera."""

    def __init__(self):
        self.kits = {"kit-1": {"id": "kit#kit-1", "kit_state": "active", "expires_at": NOW + 1}}
        self.cameras = {"7": {"camera_state": "expected", "site": "hall-3"}}
        self.with_certificate = set()
        self.free = True

    def kit(self, certificate_id):
        return self.kits.get(certificate_id)

    def camera(self, serial):
        return self.cameras.get(serial)

    def registered(self, serial):
        return serial in self.with_certificate

    def claim(self, serial, *, certificate_id, kit, now):
        return self.free

    def active_kits(self):
        return [kit for kit in self.kits.values() if kit["kit_state"] == "active"]

    def close(self, certificate_id):
        self.kits[certificate_id]["kit_state"] = "expired"


def test_an_expected_camera_gets_its_site():
    assert answer(EVENT, Memory(), NOW) == {
        "allowProvisioning": True,
        "parameterOverrides": {"Site": "hall-3"},
    }


def test_a_camera_without_a_site_is_unassigned():
    memory = Memory()
    del memory.cameras["7"]["site"]
    assert answer(EVENT, memory, NOW)["parameterOverrides"] == {"Site": "unassigned"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m.kits.clear(), "not one of an enrolment kit"),
        (lambda m: m.kits["kit-1"].update(kit_state="revoked"), "is revoked"),
        (lambda m: m.kits["kit-1"].update(expires_at=NOW), "has expired"),
        (lambda m: m.cameras.clear(), "not on the list"),
        (lambda m: m.cameras["7"].update(camera_state="retired"), "is retired"),
        (lambda m: m.with_certificate.add("7"), "already registered"),
        (lambda m: setattr(m, "free", False), "right now"),
    ],
)
def test_everything_else_is_refused_with_its_reason_in_the_log(change, reason, capsys):
    memory = Memory()
    change(memory)
    assert answer(EVENT, memory, NOW) == {"allowProvisioning": False}
    assert reason in capsys.readouterr().out


@pytest.mark.parametrize(
    "serial",
    [
        "",
        "claim-7",
        "a/b",
        "../7",
        "7" * 65,
        "7\n",
        "-7",
        "a-b-c-1234-123456789012",
        None,
        7,
        {"Ref": "x"},
    ],
)
def test_a_serial_number_that_could_not_be_a_things_name_is_refused(serial):
    event = {**EVENT, "parameters": {"SerialNumber": serial}}
    assert answer(event, Memory(), NOW) == {"allowProvisioning": False}


def test_a_request_without_a_claim_certificate_is_refused():
    event = {key: value for key, value in EVENT.items() if key != "claimCertificateId"}
    assert answer(event, Memory(), NOW) == {"allowProvisioning": False}


def test_expired_kits_are_closed_and_the_next_expiry_is_reported():
    memory = Memory()
    memory.kits["kit-2"] = {
        "id": "kit#kit-2",
        "kit_state": "active",
        "expires_at": NOW + 9 * 86_400 + 5,
    }
    found = close_expired(memory, NOW + 2)
    assert (found["kits_closed"], found["days_left"]) == (1, 9)
    assert memory.kits["kit-1"]["kit_state"] == "expired"
    found = close_expired(memory, NOW + 2)
    assert (found["kits_closed"], found["days_left"]) == (0, 9)
    assert len(found["expiring"]) == 1
