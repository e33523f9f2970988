# SPDX-License-Identifier: Apache-2.0
"""Rollouts in simulated time: good models reach the fleet, bad ones do not.

A few seeds of each; `python -m rehearsal.fleet --bad-models --seeds 100` plays a hundred.
"""

import pytest

from infra.config.settings import load
from rehearsal.fleet.bad_models import reached, roll_out
from rehearsal.fleet.camera_in_memory import GOOD, KINDS, SLOW
from rehearsal.fleet.state_machine import Execution, TaskError

SEEDS = range(2)


@pytest.fixture(scope="module")
def settings():
    return load("prod")


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_good_model_reaches_the_fleet(settings, kind):
    found = [roll_out(settings, kind, seed) for seed in SEEDS]
    assert reached(found) == (len(SEEDS) if kind == GOOD else 0), found
    ended = "SUCCEEDED" if kind == GOOD else "FAILED"
    assert {one.status for one in found} == {ended}


def test_a_rollout_is_the_same_with_the_same_seed(settings):
    assert roll_out(settings, SLOW, 1) == roll_out(settings, SLOW, 1)


def test_calls_do_not_depend_on_the_size_of_the_fleet(settings):
    """How often a group is asked about depends on how long its cameras take, not on how many; a
    look reads the messages of 100 of them at most."""
    few, many = (dict(roll_out(settings, GOOD, 1, fleet=size).calls) for size in (110, 160))
    for calls in (few, many):
        polls = calls.pop("iot:DescribeJob")
        assert calls.pop("greengrass:GetDeployment") <= polls + 2 * 2
    assert many == few


def _machine(**states):
    return {"StartAt": "First", "States": {**states, "End": {"Type": "Succeed"}}}


def test_a_task_that_fails_goes_where_its_catch_says():
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.check", "Next": "End"}]
    first = {"Type": "Task", "Parameters": {"Payload": {}}, "ResultPath": "$.a", "Catch": catch}

    def fail(_payload):
        raise TaskError("no")

    status, data = Execution(_machine(First=first), fail, lambda _seconds: None).run({})
    assert (status, data["check"]["Cause"]) == ("SUCCEEDED", "no")


def test_an_endless_loop_is_ended():
    first = {"Type": "Wait", "Seconds": 1, "Next": "First"}
    with pytest.raises(RuntimeError, match="entered 20000 states"):
        Execution(_machine(First=first), dict, lambda _seconds: None).run({})
