# SPDX-License-Identifier: Apache-2.0
"""`make rollout` on the local AWS, with the real state machine and function."""

import json
import time

import pytest

from ministack_edge.process import LocalAws, free_port
from tests.rollout.rollout_world import PACKAGE_GROUP, World
from tools.cameras import run
from tools.rollout import detail, outcome
from tools.rollout_control import Control, RolloutError
from tools.rollout_history import progress, rollouts


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with LocalAws(port=free_port(), work=tmp_path_factory.mktemp("aws"), enforce=False) as aws:
        yield World(aws.endpoint)


@pytest.fixture(scope="module")
def machine(world):
    """Its bake takes half an hour: rollouts stay in it until they are stopped."""
    return world.machine("bakes", BAKE_MINUTES="30")


@pytest.fixture(scope="module")
def hasty(world):
    """Its bake is one look."""
    return world.machine("hasty", BAKE_MINUTES="0")


@pytest.fixture(scope="module")
def first(world, hasty):
    """A model that both groups have, and its version."""
    package = world.model()
    assert world.until(world.approve(hasty, package), None) == "SUCCEEDED"
    assert world.version("fleet") == world.version("canary")
    return package, world.version("fleet")


@pytest.fixture
def said():
    return []


@pytest.fixture
def control(world, said):
    def make(machine):
        def sleep(seconds):
            world.answer()
            time.sleep(0.2)

        return Control(world.states, machine, say=said.append, sleep=sleep)

    return make


def approvals(world):
    """By the number of a model, whether it is approved."""
    pages = world.sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=PACKAGE_GROUP
    )
    return {
        str(one["ModelPackageVersion"]): one["ModelApprovalStatus"]
        for page in pages
        for one in page["ModelPackageSummaryList"]
    }


def stop(world, control, machine):
    began = time.monotonic()
    run(control(machine).stop(), dry=False)
    return time.monotonic() - began


def test_a_dry_stop_says_what_a_stop_would_do(world, machine, first, control, capsys):
    execution = world.approve(machine, world.model())
    world.until(execution, "WaitLook")
    run(control(machine).stop(), dry=True)
    shown = capsys.readouterr().out
    assert "would stop the rollout of model 2" in shown
    assert f"canary from {world.version('canary')} to {first[1]}" in shown
    assert world.states.describe_execution(executionArn=execution)["status"] == "RUNNING"


def test_a_stop_in_the_bake_takes_the_canaries_back(world, machine, first, control, said):
    """It goes on from the test before."""
    assert stop(world, control, machine) < 60
    assert world.version("canary") == first[1]
    assert world.version("fleet") == first[1]
    assert f"  canary: back to binsight-dev.Model {first[1]}" in said
    assert f"  fleet: it has binsight-dev.Model {first[1]}: nothing to revert" in said
    known = rollouts(world.states, machine)
    assert [(one.action, one.status) for one in known] == [
        ("undo", "SUCCEEDED"),
        ("rollout", "ABORTED"),
    ]
    assert outcome(known[1], known) == "stopped and undone"


def test_a_second_stop_has_nothing_to_do(world, machine, control):
    with pytest.raises(RolloutError, match="no rollout is running, and the last one left nothing"):
        list(control(machine).stop())


def test_a_stopped_rollout_is_resumed_and_stopped_while_cameras_wait(
    world, machine, first, control, said
):
    """The canaries sleep: the resumed rollout waits for them, and a stop does not."""
    run(control(machine).resume(), dry=False)
    world.awake.clear()
    [execution] = [one for one in rollouts(world.states, machine) if one.running]
    assert execution.model == "2"
    world.until(execution.arn, "WaitCanary")
    assert world.version("canary") != first[1]
    with pytest.raises(RolloutError, match="model 2 is running; STOP=1 stops it"):
        list(control(machine).resume())
    assert stop(world, control, machine) < 60
    assert world.version("canary") == first[1]
    world.awake.update(*world.members.values())


def test_what_was_stopped_does_not_stand_in_the_way_of_the_next(world, machine, hasty, first):
    """The same model again, by its approval, and it reaches the fleet."""
    [package] = {one.package_arn for one in rollouts(world.states, machine)}
    execution = world.approve(hasty, package)
    assert world.until(execution, None) == "SUCCEEDED"
    assert world.version("fleet") == world.version("canary") != first[1]


def test_a_rollback_gives_both_groups_the_model_before(world, hasty, first, control, capsys):
    assert approvals(world) == {"1": "Approved", "2": "Approved"}
    run(control(hasty).roll_back(world.sagemaker, PACKAGE_GROUP, ""), dry=True)
    assert "would set model 2 to Rejected" in capsys.readouterr().out
    run(control(hasty).roll_back(world.sagemaker, PACKAGE_GROUP, ""), dry=False)
    assert "give model 1 to canaries and fleet, in place of model 2" in capsys.readouterr().out
    [execution] = [one for one in rollouts(world.states, hasty) if one.running]
    assert world.until(execution.arn, None) == "SUCCEEDED"
    assert "Look" not in world.entered(execution.arn)
    assert world.version("fleet") == world.version("canary") == first[1]
    # What `make promote` and the next training take is what the cameras have.
    assert approvals(world) == {"1": "Approved", "2": "Rejected"}


def test_before_the_first_model_there_is_none_to_go_back_to(world, hasty, control):
    with pytest.raises(RolloutError, match=r"no earlier model.*MODEL=number names one.*are: 1$"):
        list(control(hasty).roll_back(world.sagemaker, PACKAGE_GROUP, ""))
    with pytest.raises(RolloutError, match=r"MODEL=7: not an approved model; approved are: 1$"):
        list(control(hasty).roll_back(world.sagemaker, PACKAGE_GROUP, "7"))


def test_a_failed_rollout_is_not_resumed(world, hasty, control):
    execution = world.approve(hasty, f"{world.model()}0")
    world.until(execution, None)
    with pytest.raises(RolloutError, match="0, the last one, was not stopped; it ended FAILED"):
        list(control(hasty).resume())


def test_a_step_under_way_when_it_is_stopped_is_taken_back_too(world, hasty, first, control, said):
    """What the call of a stopped execution deploys after the first look is found by the second."""
    package = world.model()
    execution = world.approve(hasty, package)
    world.awake.clear()
    world.until(execution, "WaitCanary")
    world.states.stop_execution(executionArn=execution)
    [given] = [one for one in rollouts(world.states, hasty) if one.arn == execution]
    found = progress(world.states, given)
    request = {
        "action": "undo",
        "of": execution,
        "version": found.version,
        "since": given.started.isoformat(),
        "settle_seconds": 400,  # 4 s there
    }
    undo = world.states.start_execution(
        stateMachineArn=hasty,
        input=json.dumps({"detail": {"ModelPackageArn": package}, "request": request}),
    )["executionArn"]
    world.until(undo, "Settle")
    assert world.version("canary") == first[1]
    newest = world.newest("canary")
    world.greengrass.create_deployment(
        targetArn=newest["targetArn"],
        deploymentName=f"late (before: {first[1]})",
        components={"binsight-dev.Model": {"componentVersion": found.version}},
    )
    assert world.until(undo, None) == "SUCCEEDED"
    assert world.version("canary") == first[1]
    world.awake.update(*world.members.values())


def test_two_rollouts_of_one_approval_are_both_stopped(world, machine, first, control):
    """SageMaker may report one approval twice."""
    package = world.model()
    both = [world.approve(machine, package) for _ in range(2)]
    for execution in both:
        world.until(execution, "WaitLook")
    run(control(machine).stop(), dry=False)
    known = [one for one in rollouts(world.states, machine) if one.arn in both]
    assert [one.status for one in known] == ["ABORTED", "ABORTED"]
    assert world.version("canary") == first[1]


def test_a_resume_waits_for_a_stop_that_has_not_settled(world, machine, first, control, capsys):
    """It goes on from the test before: else the stop would take back what is resumed."""
    [last] = [one for one in rollouts(world.states, machine) if one.action != "undo"][:1]
    found = progress(world.states, last)
    request = {"version": found.version, "since": last.started.isoformat(), "settle_seconds": 300}
    undo = control(machine)._start("undo", last.package_arn, of=last.arn, **request)
    run(control(machine).resume(), dry=False)
    assert "wait until the stop has settled" in capsys.readouterr().out
    assert world.states.describe_execution(executionArn=undo)["status"] == "SUCCEEDED"
    [resumed] = [one for one in rollouts(world.states, machine) if one.running]
    assert resumed.package_arn == last.package_arn
    run(control(machine).stop(), dry=False)


def test_the_progress_says_how_the_canaries_are(world, machine, first):
    execution = world.approve(machine, world.model())
    world.until(execution, "WaitLook")
    known = rollouts(world.states, machine)
    settings = type("S", (), {"rollout": type("R", (), {"bake_minutes": 30})})
    found = progress(world.states, known[0])
    lines = list(detail(known[0], found, settings, known))
    assert lines[0].endswith(f"(component {found.version}): the canaries are watched")
    assert "the last: 2 of 2 canaries watched, 0 unwell" in lines[1]
    assert found.groups["canary"].said == "2 succeeded, 0 failed, 0 waiting or asleep"
    world.states.stop_execution(executionArn=execution)
