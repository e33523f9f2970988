# SPDX-License-Identifier: Apache-2.0
"""The list of cameras on a real table: what the tools write, and what the hook makes of it."""

import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import pytest
from enrolment.hook import answer
from enrolment.kits import announce, close_expired, report
from enrolment.registry import Registry

from ministack_edge.process import LocalAws, free_port
from tools.camera_fleet import Fleet
from tools.camera_list import SERIAL, Camera, CameraList, EnrolmentError, read_cameras
from tools.cameras import run
from tools.enrolment import write

PLACE = {"region_name": "eu-central-1", "aws_access_key_id": "111122223333"}


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with LocalAws(port=free_port(), work=tmp_path_factory.mktemp("aws"), enforce=False) as aws:
        made = boto3.Session(**PLACE, aws_secret_access_key="local")
        yield SimpleNamespace(
            client=lambda name: made.client(name, endpoint_url=aws.endpoint),
            resource=lambda name: made.resource(name, endpoint_url=aws.endpoint),
        )


@pytest.fixture
def table(session):
    name = f"cameras-{time.monotonic_ns()}"
    return session.resource("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture
def known(session, table, monkeypatch):
    outputs = {
        "CamerasTable": table.name,
        "CanaryThingGroup": "binsight-model-canary",
        "FleetThingGroup": "binsight-model-fleet",
    }
    monkeypatch.setattr("tools.camera_list.edge_outputs", lambda *_: outputs)
    return CameraList(session, SimpleNamespace(prefix="binsight"))


@pytest.fixture
def registry(session, table):
    return Registry(table, session.client("iot"), "binsight")


def event(serial, certificate="c-1", kit="k-1"):
    return {
        "claimCertificateId": kit,
        "certificateId": certificate,
        "parameters": {"SerialNumber": serial},
    }


def test_a_camera_that_was_added_is_allowed_once_at_a_time(known, registry):
    list(known.add([Camera("7", "hall-3")]))
    known.add_kit("k-1", days=1)
    now = int(time.time())
    allowed = {"allowProvisioning": True, "parameterOverrides": {"Site": "hall-3"}}
    assert answer(event("7"), registry, now) == allowed
    assert answer(event("7", "c-2"), registry, now + 1) == {"allowProvisioning": False}
    assert answer(event("7"), registry, now + 2) == allowed, "the same camera may try again"
    assert answer(event("7", "c-2"), registry, now + 200) == allowed, "the first one never came"


def enrolled(session, known, serial):
    """A camera with a certificate; its ARN."""
    iot = session.client("iot")
    list(known.add([Camera(serial)]))
    known.add_kit("k-1", days=1)
    iot.create_thing(thingName=f"binsight-{serial}")
    return another(iot, serial)


def another(iot, serial):
    made = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    iot.attach_thing_principal(thingName=f"binsight-{serial}", principal=made)
    return made


def test_a_certificate_is_rotated_within_a_day_and_the_old_one_ends_last(session, known, registry):
    iot, now = session.client("iot"), int(time.time())
    old = enrolled(session, known, "r1")
    fleet = Fleet(session, SimpleNamespace(prefix="binsight"), known)
    assert not answer(event("r1", "new"), registry, now)["allowProvisioning"]
    run(fleet.rotate("r1"), dry=True)
    assert not answer(event("r1", "new"), registry, now)["allowProvisioning"]
    run(fleet.rotate("r1"), dry=False)
    assert answer(event("r1", "new"), registry, now)["allowProvisioning"]
    tomorrow = now + 25 * 3600
    assert not answer(event("r1", "late"), registry, tomorrow)["allowProvisioning"]
    new = another(iot, "r1")
    stray = another(iot, "r1")
    principals = iot.list_thing_principals(thingName="binsight-r1")["principals"]
    assert set(principals) == {old, new, stray}, "nothing ends before the box says what it uses"
    for wrong in ("", "ab", "f" * 64):
        with pytest.raises(EnrolmentError, match="certificates of binsight-r1 begin with it"):
            run(fleet.rotated("r1", wrong), dry=False)
    used = new.rsplit("/", 1)[1]
    run(fleet.rotated("r1", used[:8]), dry=False)
    run(fleet.rotated("r1", used[:8]), dry=False)
    assert iot.list_thing_principals(thingName="binsight-r1")["principals"] == [new]
    assert not answer(event("r1", "again"), registry, now + 600)["allowProvisioning"]


def test_a_camera_may_rotate_as_soon_as_it_has_enrolled(session, known, registry):
    """Its enrolment reserves the serial number for two minutes; a window takes that back once."""
    now = int(time.time())
    enrolled(session, known, "r3")
    assert registry.claim("r3", certificate_id="first", kit="k-1", now=now)
    fleet = Fleet(session, SimpleNamespace(prefix="binsight"), known)
    for number in (1, 2):
        run(fleet.rotate("r3"), dry=False)
        new, other = (event("r3", f"{name}-{number}") for name in ("new", "other"))
        assert answer(new, registry, now + 1)["allowProvisioning"]
        assert not answer(other, registry, now + 1)["allowProvisioning"], "one at a time"
        assert answer(new, registry, now + 1)["allowProvisioning"], "the hook answered too late"


def test_a_certificate_that_is_not_active_is_not_the_one_that_stays(session, known):
    iot = session.client("iot")
    old = enrolled(session, known, "r2")
    used = old.rsplit("/", 1)[1]
    iot.update_certificate(certificateId=used, newStatus="INACTIVE")
    fleet = Fleet(session, SimpleNamespace(prefix="binsight"), known)
    with pytest.raises(EnrolmentError, match="is not active"):
        run(fleet.rotated("r2", used[:8]), dry=False)


def test_adding_twice_changes_nothing_but_the_site(known):
    assert [change for _, change in known.add([Camera("7", "a")])] == ["added"]
    assert [change for _, change in known.add([Camera("7", "a")])] == ["unchanged (expected)"]
    assert [change for _, change in known.add([Camera("7", "b")])] == ["site is now b"]
    assert [item["site"] for item in known.cameras()] == ["b"]


def test_a_camera_that_is_enrolled_moves_to_the_site(session, known):
    iot = session.client("iot")
    attributes = {"site": "a", "serial": "m1"}
    iot.create_thing(thingName="binsight-m1", attributePayload={"attributes": attributes})
    list(known.add([Camera("m1", "a")]))
    assert [change for _, change in known.add([Camera("m1", "b")])] == ["site is now b"]
    assert iot.describe_thing(thingName="binsight-m1")["attributes"] == attributes | {"site": "b"}


def test_a_retired_camera_is_refused_until_it_is_expected_again(known, registry):
    list(known.add([Camera("7")]))
    known.add_kit("k-1", days=1)
    now = int(time.time())
    known.retire("7")
    assert answer(event("7"), registry, now) == {"allowProvisioning": False}
    known.expect("7")
    assert answer(event("7"), registry, now)["allowProvisioning"]


def test_an_expired_kit_is_closed_with_its_certificate(session, known, registry):
    iot = session.client("iot")
    made = iot.create_keys_and_certificate(setAsActive=True)["certificateId"]
    known.add_kit(made, days=1)
    later = int(time.time()) + 2 * 86_400
    found = close_expired(registry, later)
    assert (found["kits_closed"], found["days_left"]) == (1, None)
    assert found["expiring"] == [f"kit {made[:8]} has expired on {day_of(known.kits()[0])}"]
    assert found["announced"] == found["expiring"]
    found = iot.describe_certificate(certificateId=made)["certificateDescription"]
    assert found["status"] == "INACTIVE"
    assert [kit["kit_state"] for kit in known.kits()] == ["expired"]


def test_a_kit_that_soon_expires_is_named_with_its_date_and_counted(known, registry, capsys):
    known.add_kit("a" * 64, days=30)
    known.add_kit("b" * 64, days=3)
    now = int(time.time())
    found = close_expired(registry, now + 60)
    assert found == {
        "kits_closed": 0,
        "days_left": 2,
        "expiring": [f"kit bbbbbbbb expires on {day_of(known.kits()[1])}"],
        # Two whole days before is none of the days on which it is mailed.
        "announced": [],
    }
    report(found, namespace="Binsight/binsight", now=now)
    line = json.loads(capsys.readouterr().out)
    [about] = line["_aws"]["CloudWatchMetrics"]
    assert about["Namespace"] == "Binsight/binsight"
    [metric] = about["Metrics"]
    assert line[metric["Name"]] == 1
    assert "bbbbbbbb" in line["expiring"][0]


@pytest.mark.parametrize(("days", "mailed"), [(15, 0), (14, 1), (13, 0), (7, 1), (2, 1), (1, 1)])
def test_a_kit_is_mailed_on_few_days_before_it_expires(known, registry, days, mailed):
    known.add_kit("c" * 64, days=days)
    found = close_expired(registry, int(time.time()) + 60)
    assert len(found["announced"]) == mailed


def test_an_event_that_is_not_taken_is_an_error():
    class Full:
        def put_events(self, Entries):  # noqa: N803 - as boto3 names it
            return {"FailedEntryCount": len(Entries), "Entries": [{"ErrorCode": "Throttling"}]}

    announce({"announced": []}, Full(), "binsight")
    with pytest.raises(RuntimeError, match="Throttling"):
        announce({"announced": ["kit 1 expires on 2026-12-01"]}, Full(), "binsight")


def day_of(kit):
    return datetime.fromtimestamp(int(kit["expires_at"]), UTC).date().isoformat()


def test_a_camera_is_retired_with_everything_it_has_and_again_without_error(session, known):
    iot = session.client("iot")
    list(known.add([Camera("9")]))
    made = iot.create_keys_and_certificate(setAsActive=True)
    iot.create_thing(thingName="binsight-9")
    iot.attach_thing_principal(thingName="binsight-9", principal=made["certificateArn"])
    fleet = Fleet(session, SimpleNamespace(prefix="binsight"), known)
    run(fleet.retire("9"), dry=True)
    assert iot.list_thing_principals(thingName="binsight-9")["principals"], "a dry run does nothing"
    run(fleet.retire("9"), dry=False)
    run(fleet.retire("9"), dry=False)
    assert known.get("9")["camera_state"] == "retired"
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_thing(thingName="binsight-9")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_certificate(certificateId=made["certificateId"])


def test_a_serial_number_of_no_camera_is_not_retired(session, known):
    fleet = Fleet(session, SimpleNamespace(prefix="binsight"), known)
    with pytest.raises(EnrolmentError, match="serial 404: not on the list"):
        run(fleet.retire("404"), dry=False)


def test_a_kit_that_cannot_be_made_leaves_neither_folder_nor_certificate(session, known, tmp_path):
    iot = session.client("iot")
    before = iot.list_certificates()["certificates"]
    known.outputs = {**known.outputs, "ClaimPolicy": "no-such-policy"}
    settings = SimpleNamespace(account="1", region="r", prefix="binsight", camera=None)
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        write(tmp_path / "kit", iot=iot, settings=settings, known=known, root_ca="", days=1)
    assert not (tmp_path / "kit").exists()
    assert iot.list_certificates()["certificates"] == before
    assert known.kits() == []


@pytest.mark.parametrize(
    ("text", "serials"),
    [
        ("serial,site\n7,hall\n8\n", ["7", "8"]),
        ("\ufeff7,hall\n\n# gone\n8,\n", ["7", "8"]),
        ("Serial\na-1\n", ["a-1"]),
    ],
)
def test_lists_of_cameras_are_read_as_people_write_them(tmp_path, text, serials):
    path = tmp_path / "cameras.csv"
    path.write_text(text, encoding="utf-8")
    assert [camera.serial for camera in read_cameras(path)] == serials


@pytest.mark.parametrize(
    ("text", "said"),
    [("7\n7\n", ":2: serial 7 is listed twice"), ("a b\n", ":1: serial 'a b'"), ("", "no camera")],
)
def test_faulty_lists_are_refused_with_the_line(tmp_path, text, said):
    path = tmp_path / "cameras.csv"
    path.write_text(text)
    with pytest.raises(EnrolmentError, match=said):
        read_cameras(path)


def test_tools_and_hook_take_the_same_serial_numbers():
    from enrolment.hook import SERIAL as OF_HOOK  # noqa: PLC0415 - beside the other one

    assert OF_HOOK.pattern == SERIAL.pattern
