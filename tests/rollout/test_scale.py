# SPDX-License-Identifier: Apache-2.0
"""Whole rollouts in simulated time: what they cost, and what an outage does to them."""

import pytest

from infra.config.limits import STATE_MACHINE_HISTORY
from infra.edge.rollout_definition import rollout_definition
from tests.rollout.fast_machine import execute
from tests.rollout.simulated_fleet import PACKAGE, SimulatedFleet, since

# As in environments/prod.toml.
PROD = rollout_definition(function_arn="f", look_seconds=120, bake_minutes=60, timeout_minutes=120)
ENVIRONMENT = {"BAKE_MINUTES": "60", "PATIENCE_MINUTES": "120", "CAMERAS_PER_MINUTE": "1000"}


def roll_out(**fleet):
    aws = SimulatedFleet(**{**ENVIRONMENT, **fleet})
    given = {"detail": {"ModelPackageArn": PACKAGE}}
    return aws, execute(PROD, given, call=aws.call, wait=aws.wait)


def cost(canaries, fleet, **given):
    aws, run = roll_out(canaries=canaries, fleet=fleet, **given)
    assert run.status == "SUCCEEDED", run.document["check"]
    return dict(aws.calls), run.events


def test_a_rollout_costs_the_same_for_ten_cameras_and_for_thousands():
    """A camera of each group sleeps, as some always do, and the time is the same. So is the cost,
    but for one call more in each look where the latest messages take two."""
    sleeper = {"asleep": lambda number: number == 0, "PATIENCE_MINUTES": "60"}
    calls, events = cost(11, 10, **sleeper)
    looks = calls["ListCoreDevices"]
    for canaries, fleet in ((11, 200), (11, 2000), (2000, 2000)):
        more_calls, more_events = cost(canaries, fleet, **sleeper)
        assert more_events == events
        assert more_calls["BatchGetItem"] <= calls["BatchGetItem"] + looks
        assert {**more_calls, "BatchGetItem": calls["BatchGetItem"]} == calls
    print(f"{sum(calls.values())} to {sum(more_calls.values())} calls, {events} events")


def test_where_all_cameras_are_awake_only_the_time_they_take_costs_more():
    """2,000 cameras at the largest rate take two minutes, which are four checks more."""
    calls, events = cost(10, 10)
    more_calls, more_events = cost(10, 2000)
    print(f"{sum(calls.values())} calls, {events} events")
    print(f"{sum(more_calls.values())} calls, {more_events} events")
    assert sum(more_calls.values()) <= sum(calls.values()) + 50
    assert more_events <= events + 40


@pytest.mark.parametrize("patient", [2, 4])
def test_an_outage_of_half_the_fleet_neither_hangs_nor_fails_a_rollout(patient):
    """Each second (fourth) camera has no power; one more of each ten loses it while it installs."""
    aws, run = roll_out(
        canaries=8,
        fleet=2000,
        asleep=lambda number: number % patient == 0,
        interrupted=lambda number: number % 10 == 3,
    )
    assert run.status == "SUCCEEDED"
    assert aws.version("fleet") == aws.version("canary")
    assert "0 failed" in run.document["check"]["value"]["reason"]
    # Two patiences and a bake, and no more.
    assert since(aws.now) <= 2 * 121 + 62
    assert run.events < STATE_MACHINE_HISTORY.most / 2


def test_canaries_that_all_fall_silent_while_they_install_are_no_outage():
    aws, run = roll_out(canaries=4, fleet=10, interrupted=lambda number: number != 0)
    assert run.status == "FAILED"
    assert (
        "3 canaries started the deployment and fell silent"
        in run.document["check"]["value"]["reason"]
    )
    assert aws.version("fleet") is None


def test_when_no_canary_can_be_heard_the_bake_ends_after_twice_its_time():
    aws = SimulatedFleet(canaries=4, fleet=10, **ENVIRONMENT)
    awake = SimulatedFleet._row

    def silent(thing, kind):
        row = awake(aws, thing, kind)
        if thing.startswith("canary") and kind in ("telemetry", "detection"):
            row["received_ms"] = {"N": "1"}
        return row | ({"event": {"S": "disconnected"}} if kind == "presence" else {})

    aws._row = silent
    given = {"detail": {"ModelPackageArn": PACKAGE}}
    run = execute(PROD, given, call=aws.call, wait=aws.wait)
    assert (run.status, run.entered[-2:]) == ("FAILED", ["RestoreCanary", "Failed"])
    assert "no canary has sent telemetry" in run.document["check"]["value"]["reason"]
    assert 118 < since(aws.now) < 130
