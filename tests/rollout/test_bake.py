# SPDX-License-Identifier: Apache-2.0
"""Looks at canaries against the local AWS, which keeps what simulated cores report."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3
import pytest

from ministack_edge.process import LocalAws, free_port
from rehearsal.aws_client import Cloud
from rollout import bake
from rollout.bake_memory import Memory
from rollout.settings import from_environment
from tests.rollout.conftest import ACCOUNT, COMPONENT, ENVIRONMENT, REGION
from tests.rollout.cores import say_status

PROGRAM = ENVIRONMENT["INFERENCE_COMPONENT"]
GROUP, FLEET = "binsight-dev-model-canary", "binsight-dev-model-fleet"
STACK = {
    "Resources": {
        "LatestState": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "AttributeDefinitions": [
                    {"AttributeName": name, "AttributeType": "S"} for name in ("thing", "kind")
                ],
                "KeySchema": [
                    {"AttributeName": "thing", "KeyType": "HASH"},
                    {"AttributeName": "kind", "KeyType": "RANGE"},
                ],
                "BillingMode": "PAY_PER_REQUEST",
            },
        }
    },
    "Outputs": {"LatestTable": {"Value": {"Ref": "LatestState"}}},
}
"""As much of the insights stack as a look needs."""
WELL = {
    "fps": 15,
    "p99_ms": 80,
    "source_state": "streaming",
    "problem": None,
    "model": {"digest": "d", "version": "1.0.2"},
}
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with LocalAws(port=free_port(), work=tmp_path_factory.mktemp("aws"), enforce=False) as aws:
        made = Cloud(endpoint=aws.endpoint, account=ACCOUNT, region=REGION, prefix="binsight-dev")
        made.client("iot").create_thing_group(thingGroupName=FLEET)
        for number in range(30):
            name = f"fleet-{number}"
            made.client("iot").create_thing(thingName=name)
            made.client("iot").add_thing_to_thing_group(thingGroupName=FLEET, thingName=name)
        yield made


@pytest.fixture
def table(cloud):
    """The latest-state table; without this fixture the insights stack is not there."""
    cloudformation = cloud.client("cloudformation")
    name = ENVIRONMENT["INSIGHTS_STACK"]
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(STACK))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1}
    )
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    yield dynamodb(cloud).Table(stack["Outputs"][0]["OutputValue"])
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1}
    )


def dynamodb(cloud):
    return boto3.resource(
        "dynamodb",
        endpoint_url=cloud.endpoint,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
    )


def say(table, thing, kind, *, ago=0, **values):
    """Write what a camera said so many seconds ago, as the state writer does."""
    received = datetime.now(UTC).timestamp() * 1000 - ago * 1000
    item = {"thing": thing, "kind": kind, "received_ms": int(received), **values}
    table.put_item(Item=json.loads(json.dumps(item), parse_float=Decimal))


class Canaries:
    """A canary group, and looks at it as the state machine takes them, minutes apart."""

    def __init__(self, cloud, names):
        self._cloud, self.names = cloud, names
        self.started = datetime.now(UTC) - timedelta(minutes=1)
        self.answer, self.operations, self.past = {}, [], None
        iot = cloud.client("iot")
        iot.create_thing_group(thingGroupName=GROUP)
        for name in names:
            iot.create_thing(thingName=name)
            iot.add_thing_to_thing_group(thingGroupName=GROUP, thingName=name)
            self.report(name)
        self.greengrass = cloud.client("greengrassv2")
        self.clients = {
            "cloudformation": cloud.client("cloudformation"),
            "dynamodb": dynamodb(cloud),
            "greengrass": self.greengrass,
            "iot": iot,
        }
        self.greengrass.meta.events.register(
            "before-call.greengrassv2", lambda model, **_: self.operations.append(model.name)
        )

    def report(self, name, *, health="HEALTHY", **states):
        states = {"model": "RUNNING", "program": "RUNNING"} | states
        ours = {"model": COMPONENT, "program": PROGRAM}
        components = {ours.get(key, key): ("1.0.0", state) for key, state in states.items()}
        say_status(self._cloud, name, components, health=health)

    def look(self, *, minutes=None, started=None, **settings):
        """Look once: now, or so many minutes after the first look."""
        now = datetime.now(UTC)
        if minutes is not None:
            since = json.loads(self.answer["memory"])["since"]
            now = datetime.fromisoformat(since) + timedelta(minutes=minutes)
        self.answer = bake.look(
            started_at=(started or self.started).isoformat(),
            settings=from_environment({**ENVIRONMENT, **settings}),
            clients=self.clients,
            now=now,
            memory=self.answer.get("memory"),
            past=self.past,
        )
        return self.answer["status"]

    def remember(self):
        """Keep what cameras have counted by now for the looks that follow."""
        settings = from_environment(ENVIRONMENT)
        self.past = bake.remember(settings=settings, clients=self.clients)["past"]


@pytest.fixture
def canaries(cloud):
    made = Canaries(cloud, [f"canary-{next(_NUMBERS)}" for _ in range(4)])
    yield made
    iot, greengrass = cloud.client("iot"), cloud.client("greengrassv2")
    for name in made.names:
        greengrass.delete_core_device(coreDeviceThingName=name)
        iot.remove_thing_from_thing_group(thingGroupName=GROUP, thingName=name)
    iot.delete_thing_group(thingGroupName=GROUP)


def test_well_canaries_bake_until_the_time_is_up(canaries):
    assert [canaries.look(), canaries.look(minutes=29)] == ["RUNNING", "RUNNING"]
    assert canaries.look(minutes=30) == "SUCCEEDED"
    assert canaries.answer["reason"] == "4 of 4 canaries watched, 0 unwell"


def test_without_a_bake_time_one_look_is_taken(canaries):
    assert canaries.look(BAKE_MINUTES="0") == "SUCCEEDED"


@pytest.mark.parametrize("part", ["model", "program"])
def test_a_broken_component_ends_the_bake_at_once(canaries, part):
    assert canaries.look() == "RUNNING"
    canaries.report(canaries.names[2], health="UNHEALTHY", **{part: "BROKEN"})
    assert canaries.look() == "FAILED"
    assert "more than 20 % of canaries are unwell: 4 of 4" in canaries.answer["reason"]
    assert f"{canaries.names[2]}: binsight-dev." in canaries.answer["reason"]


def test_an_error_counts_when_it_is_there_twice(canaries):
    canaries.report(canaries.names[0], health="UNHEALTHY", program="ERRORED")
    assert [canaries.look(), canaries.look()] == ["RUNNING", "FAILED"]
    assert "Inference is ERRORED" in canaries.answer["reason"]


def test_a_program_that_keeps_restarting_is_unwell(canaries):
    seen = [canaries.look()]
    for state in ("STARTING", "RUNNING"):
        canaries.report(canaries.names[0], program=state)
        seen.append(canaries.look())
    assert seen == ["RUNNING", "RUNNING", "FAILED"]
    assert "Inference restarts" in canaries.answer["reason"]


def test_a_program_that_restarts_once_is_well(canaries):
    canaries.look()
    canaries.report(canaries.names[0], program="STARTING")
    seen = [canaries.look(), canaries.look(), canaries.look(minutes=31)]
    assert seen == ["RUNNING", "RUNNING", "SUCCEEDED"]


def test_a_suspect_at_the_end_gets_one_look_more(canaries):
    assert canaries.look(BAKE_MINUTES="0") == "SUCCEEDED"
    canaries.report(canaries.names[0], health="UNHEALTHY", model="ERRORED")
    canaries.answer = {}
    assert canaries.look(BAKE_MINUTES="0") == "RUNNING"
    canaries.report(canaries.names[0])
    assert canaries.look(BAKE_MINUTES="0") == "SUCCEEDED"


def test_the_last_look_is_the_last_whatever_it_sees(canaries):
    """Another canary in each look: none is certain, and the bake must not go on for ever."""
    answers = []
    for name in canaries.names[:2]:
        canaries.report(name, health="UNHEALTHY", model="ERRORED")
        answers.append(canaries.look(BAKE_MINUTES="0"))
        canaries.report(name)
    assert answers == ["RUNNING", "SUCCEEDED"]


def test_what_is_not_ours_is_not_the_models_fault(canaries):
    canaries.report(
        canaries.names[0], health="UNHEALTHY", **{"aws.greengrass.LogManager": "BROKEN"}
    )
    assert [canaries.look(), canaries.look()] == ["RUNNING", "RUNNING"]


def test_what_a_sleeping_camera_said_before_the_rollout_does_not_count(canaries):
    for name in canaries.names:
        canaries.report(name, health="UNHEALTHY", program="BROKEN")
    later = datetime.now(UTC) + timedelta(minutes=1)
    assert canaries.look(started=later) == "RUNNING"
    assert canaries.answer["reason"] == "0 of 4 canaries watched, 0 unwell"


def test_few_unwell_canaries_do_not_end_the_bake(canaries):
    canaries.report(canaries.names[0], health="UNHEALTHY", program="BROKEN")
    assert canaries.look(MAXIMUM_FAILED_PERCENT="25") == "RUNNING"
    assert canaries.answer["reason"] == "4 of 4 canaries watched, 1 unwell"


def test_a_look_has_its_most_calls_and_sees_the_unhealthy_first(canaries, monkeypatch):
    monkeypatch.setattr(bake, "ASKED", 2)
    canaries.report(canaries.names[-1], health="UNHEALTHY", program="BROKEN")
    assert canaries.look() == "FAILED"
    assert canaries.operations == ["ListCoreDevices", *["ListInstalledComponents"] * 2]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"problem": "model refused; disk full"}, "model refused; disk full"),
        ({"fps": 0.4}, "0.4 frames per second"),
        ({"p99_ms": 1500.5}, "latency 1500.5 ms (99 %)"),
    ],
)
def test_what_telemetry_says_counts_when_it_says_it_twice(canaries, table, bad, said):
    for name in canaries.names:
        say(table, name, "telemetry", **WELL)
    say(table, canaries.names[1], "telemetry", **{**WELL, **bad})
    assert [canaries.look(), canaries.look()] == ["RUNNING", "FAILED"]
    assert f"{canaries.names[1]}: {said}" in canaries.answer["reason"]


def test_what_a_canary_said_before_it_adopted_the_model_does_not_count(canaries, table):
    """The deployment begins before it does, and two looks may see the same message."""
    for name in canaries.names:
        say(table, name, "telemetry", **WELL)
    before = {**WELL, "model": None, "problem": "no model adopted yet"}
    say(table, canaries.names[1], "telemetry", **before)
    assert [canaries.look(), canaries.look()] == ["RUNNING", "RUNNING"]


@pytest.mark.parametrize(("event", "then"), [("connected", "FAILED"), ("disconnected", "RUNNING")])
def test_a_silent_canary_is_unwell_unless_it_has_no_network(canaries, table, event, then):
    say(table, canaries.names[0], "telemetry", ago=500, **WELL)
    say(table, canaries.names[0], "presence", event=event)
    started = canaries.started - timedelta(minutes=10)
    assert canaries.look(started=started) == "RUNNING"
    assert canaries.look(started=started) == then
    assert ("no telemetry for 8 min" in canaries.answer["reason"]) == (then == "FAILED")


def test_well_canaries_that_speak_bake_until_the_time_is_up(canaries, table):
    for name in canaries.names:
        say(table, name, "telemetry", **WELL)
    assert [canaries.look(), canaries.look(), canaries.look(minutes=1)] == ["RUNNING"] * 3


def test_silence_that_the_fleet_shares_is_no_evidence_and_is_waited_for(canaries, table):
    """The writer of the table lags: rows of all cameras end nine minutes ago."""
    started = canaries.started - timedelta(minutes=10)
    for name in (*canaries.names, *FLEET_THINGS):
        say(table, name, "telemetry", ago=540, **WELL)
    assert [canaries.look(started=started) for _ in range(3)] == ["RUNNING"] * 3
    assert "the table is 9 min late" in canaries.answer["reason"]
    assert canaries.look(started=started, minutes=31) == "RUNNING"
    assert canaries.answer["reason"].startswith("waiting for telemetry of a canary")
    assert canaries.look(started=started, minutes=60) == "FAILED"
    assert "late" in canaries.answer["reason"]


def test_a_late_table_that_catches_up_ends_the_bake_well(canaries, table):
    started = canaries.started - timedelta(minutes=10)
    for name in (*canaries.names, *FLEET_THINGS):
        say(table, name, "telemetry", ago=540, **WELL)
    assert [canaries.look(started=started) for _ in range(2)] == ["RUNNING"] * 2
    for name in (*canaries.names, *FLEET_THINGS):
        say(table, name, "telemetry", ago=-1860, **WELL)
    assert canaries.look(started=started, minutes=31) == "SUCCEEDED"


def test_where_half_of_the_fleet_is_late_silent_canaries_are_excused(canaries, table):
    """Retries of a throttled function come in any order."""
    started = canaries.started - timedelta(minutes=10)
    for name in (*canaries.names, *FLEET_THINGS):
        late = name in canaries.names[:2] or name in FLEET_THINGS[:15]
        say(table, name, "telemetry", ago=540 if late else 0, **WELL)
    assert [canaries.look(started=started) for _ in range(3)] == ["RUNNING"] * 3
    assert "late in the fleet too: 2 canaries and 15 of 30" in canaries.answer["reason"]


def test_where_the_fleet_speaks_silent_canaries_are_unwell(canaries, table):
    started = canaries.started - timedelta(minutes=10)
    for name in (*canaries.names, *FLEET_THINGS):
        say(table, name, "telemetry", ago=540 if name in canaries.names else 0, **WELL)
    assert [canaries.look(started=started) for _ in range(2)] == ["RUNNING", "FAILED"]
    assert "no telemetry for" in canaries.answer["reason"]


def counted(table, things, *, hours, ago=0, **classes):
    """Let cameras send what they have counted since their start."""
    items = sum(classes.values())
    for thing in things:
        counts = {"uptime_s": 3600 * hours, "detections": items, "classes": classes}
        say(table, thing, "telemetry", ago=ago, **{**WELL, **counts})


FLEET_THINGS = [f"fleet-{number}" for number in range(30)]


def test_canaries_that_report_otherwise_than_before_end_the_bake(canaries, table):
    """As many items as before, and the fleet sees what it saw; but now all is metal."""
    for group in (canaries.names, FLEET_THINGS):
        counted(table, group, hours=100, ago=3600, paper=900, metal=100)
    canaries.remember()
    assert canaries.look() == "RUNNING"
    counted(table, FLEET_THINGS, hours=101, paper=909, metal=101)
    counted(table, canaries.names, hours=101, paper=900, metal=110)
    assert canaries.look() == "FAILED"
    assert (
        "canaries report 'metal' far more often than before: 40 times" in canaries.answer["reason"]
    )
    assert "the fleet has 30, so 4 were expected" in canaries.answer["reason"]


def test_canaries_that_report_as_before_bake_on(canaries, table):
    for group in (canaries.names, FLEET_THINGS):
        counted(table, group, hours=100, ago=3600, paper=900, metal=100)
    canaries.remember()
    for group in (canaries.names, FLEET_THINGS):
        counted(table, group, hours=110, paper=990, metal=110)
    assert [canaries.look(), canaries.look()] == ["RUNNING"] * 2


def test_a_canary_that_had_no_model_before_is_no_comparison(canaries, table):
    """A new camera at a busy place waited for the first approval, and reported nothing."""
    new, *others = canaries.names
    for group in (others, FLEET_THINGS):
        counted(table, group, hours=100, ago=3600, paper=900, metal=100)
    without = {**WELL, "model": None, "uptime_s": 360_000, "detections": 0, "classes": {}}
    say(table, new, "telemetry", ago=3600, **without)
    canaries.remember()
    for group in (others, FLEET_THINGS):
        counted(table, group, hours=101, paper=909, metal=101)
    counted(table, [new], hours=101, paper=300, metal=40)
    assert [canaries.look(), canaries.look()] == ["RUNNING"] * 2


def test_a_canary_that_is_slower_than_it_was_is_unwell(canaries, table):
    for name in canaries.names:
        say(table, name, "telemetry", ago=3600, **WELL)
    canaries.remember()
    for name in canaries.names:
        say(table, name, "telemetry", **WELL)
    say(table, canaries.names[0], "telemetry", **{**WELL, "fps": 7})
    assert [canaries.look(), canaries.look()] == ["RUNNING", "FAILED"]
    reason = canaries.answer["reason"]
    assert f"{canaries.names[0]}: 7 frames per second, 15 before the rollout" in reason


def test_without_the_insights_stack_there_is_no_past(canaries):
    canaries.remember()
    assert json.loads(canaries.past) == {"canary": {}, "fleet": {}}
    assert canaries.look() == "RUNNING"


def test_a_bake_in_which_no_canary_is_heard_is_as_long_again_and_fails(canaries, table):
    for name in canaries.names:
        say(table, name, "telemetry", ago=3600, **WELL)
        say(table, name, "presence", event="disconnected")
    seen = [canaries.look(), canaries.look(minutes=31), canaries.look(minutes=59)]
    assert seen == ["RUNNING"] * 3
    assert "waiting for telemetry of a canary" in canaries.answer["reason"]
    assert canaries.look(minutes=60) == "FAILED"


def test_what_a_look_leaves_can_be_read_before_the_first_look_too():
    """A memory that was never looked with says null, not the word None."""
    now = datetime.now(UTC)
    fresh = Memory(since=now)
    assert Memory.read(fresh.text(), now) == fresh
