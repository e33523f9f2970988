# SPDX-License-Identifier: Apache-2.0
"""Deployments on a simulated core: what restarts, what goes back, what a dependency brings."""

import pytest

from rehearsal.simulated_core import component_process, lifecycle
from rehearsal.simulated_core.device import CoreDevice
from tests.rehearsal.core_cloud import Cloud, recipe

STAY = "echo started {configuration:/word}; exec sleep 60"


@pytest.fixture
def core(tmp_path, monkeypatch):
    """Makes a core of a nucleus; ``core.cloud`` is its cloud."""
    monkeypatch.setattr(component_process, "SETTLING_SECONDS", 0.3)
    monkeypatch.setattr(lifecycle, "RESTART_SECONDS", 0.02)
    made = []

    def make(nucleus, *, like=None):
        """A new core; ``like``: the same one after a restart of its nucleus."""
        if like is not None:
            like.installer.stop()
        device = CoreDevice(
            thing="cam-1",
            folder=like.folder if like else tmp_path / f"core-{len(made)}",
            cloud=Cloud(),
            stand_ins={},
            model_folder="/var/models",
            nucleus=nucleus,
            news=lambda _: None,
        )
        device.boot()
        made.append(device)
        return device

    yield make
    for device in made:
        device.installer.stop()


def program(version="1.0.0", script=STAY, **more):
    """A component that stays."""
    return recipe(
        {"run": {"Script": script}}, version=version, configuration={"word": "default"}, **more
    )


def deploy(device, version="1.0.0", *, group="g", name="x.Y", **update):
    part = {"componentVersion": version}
    if update:
        part["configurationUpdate"] = update
    return device._apply(group, device.cloud.deployment({name: part}))


def log_of(device, name="x.Y"):
    return (device.folder / f"{name}.log").read_text()


def test_a_java_nucleus_restarts_for_changed_steps_and_not_for_configuration(core):
    device = core("java")
    device.cloud.add(program(script="echo started; exec sleep 60"))
    deploy(device, merge='{"word": "one"}')
    deploy(device, merge='{"word": "two"}')
    assert log_of(device) == "started\n"
    assert device.installer.configuration.of("x.Y") == {"word": "two"}
    # The same change, but the step names the value.
    device.cloud.add(program("2.0.0"))
    deploy(device, "2.0.0", merge='{"word": "three"}')
    deploy(device, "2.0.0", merge='{"word": "four"}')
    assert log_of(device) == "started\nstarted three\nstarted four\n"
    assert device.problems == []


def test_nucleus_lite_restarts_for_any_document_with_a_configuration(core):
    device = core("lite")
    device.cloud.add(program())
    deploy(device, merge='{"word": "one"}')
    deploy(device, merge='{"word": "one"}')
    deploy(device)
    assert log_of(device) == "started one\nstarted one\n"


def test_what_fails_goes_back_on_java_and_stays_on_lite(core):
    found = {}
    for nucleus in ("java", "lite"):
        device = core(nucleus)
        device.cloud.add(program())
        device.cloud.add(program("2.0.0", script="exit 4"))
        deploy(device, merge='{"word": "good"}')
        # CloudFormation deletes a replaced version: a core goes back to what is on its own disk.
        del device.cloud.recipes["x.Y", "1.0.0"]
        failure = deploy(device, "2.0.0", merge='{"word": "bad"}')
        assert failure.startswith("x.Y 2.0.0: x.Y ended with status 4")
        found[nucleus] = (device.components, device.installer.configuration.of("x.Y"))
    assert found["java"] == ({"x.Y": "1.0.0"}, {"word": "good"})
    assert found["lite"] == ({}, {"word": "bad"})


@pytest.mark.parametrize("nucleus", ["java", "lite"])
def test_a_soft_dependency_comes_with_its_dependent_and_keeps_what_it_has(core, nucleus):
    device = core(nucleus)
    device.cloud.add(program("1.0.0"))
    device.cloud.add(program("2.0.0"))
    device.cloud.add(recipe({"run": {"Script": "true"}}, name="x.Model", needs={"x.Y": ">=0.0.0"}))
    deploy(device, name="x.Model", group="models")
    assert device.components == {"x.Y": "2.0.0", "x.Model": "1.0.0"}
    # The group that owns the program says which version it is, and how it is configured.
    deploy(device, "1.0.0", merge='{"word": "mine"}')
    deploy(device, name="x.Model", group="models", reset=[""])
    assert device.components["x.Y"] == "1.0.0"
    assert device.installer.configuration.of("x.Y") == {"word": "mine"}
    assert log_of(device) == "started default\nstarted mine\n"
    assert device.problems == []


def test_two_groups_that_name_different_versions_of_one_component_conflict(core):
    device = core("java")
    device.cloud.add(program())
    device.cloud.add(program("2.0.0"))
    deploy(device)
    assert "no version of x.Y meets" in deploy(device, "2.0.0", group="other")
    assert device.components == {"x.Y": "1.0.0"}


@pytest.mark.parametrize("nucleus", ["java", "lite"])
@pytest.mark.parametrize("first", ["g", "models"])
def test_two_groups_come_to_the_same_in_any_order(core, nucleus, first):
    device = core(nucleus)
    device.cloud.add(program("1.0.0"))
    device.cloud.add(program("2.0.0"))
    device.cloud.add(recipe({"run": {"Script": "true"}}, name="x.Model", needs={"x.Y": ">=0.0.0"}))
    for group in (first, *({"g", "models"} - {first})):
        if group == "g":
            deploy(device, "1.0.0", merge='{"word": "mine"}')
        else:
            deploy(device, name="x.Model", group="models", reset=[""])
    assert device.components == {"x.Y": "1.0.0", "x.Model": "1.0.0"}
    assert device.installer.configuration.of("x.Y") == {"word": "mine"}
    assert device.problems == []


@pytest.mark.parametrize("nucleus", ["java", "lite"])
def test_a_component_is_broken_after_three_starts_and_a_restart_tries_again(core, nucleus):
    """On nucleus lite it stays so; a Java nucleus has gone back to what it had before: nothing."""
    device = core(nucleus)
    device.cloud.add(program(script="echo again; exit 4"))
    deploy(device)
    assert log_of(device) == "again\n" * 3
    states = {part.name: part.state for part in device._components()}
    assert states == ({"x.Y": "BROKEN"} if nucleus == "lite" else {})
    restarted = core(nucleus, like=device)
    assert log_of(device) == "again\n" * (6 if nucleus == "lite" else 3)
    assert [part.state for part in restarted._components()] == list(states.values())


@pytest.mark.parametrize("nucleus", ["java", "lite"])
def test_a_broken_component_that_works_after_a_restart_runs(core, nucleus, tmp_path):
    """Killed three times within an hour, for example: nothing is wrong with the program."""
    device = core(nucleus)
    healed = tmp_path / "healed"
    device.cloud.add(program())
    device.cloud.add(program("2.0.0", script=f"[ -e {healed} ] || exit 4; exec sleep 60"))
    deploy(device)
    deploy(device, "2.0.0")
    healed.touch()
    restarted = core(nucleus, like=device)
    assert restarted.components == {"x.Y": "2.0.0" if nucleus == "lite" else "1.0.0"}
    assert [part.state for part in restarted._components()] == ["RUNNING"]


@pytest.mark.parametrize("nucleus", ["java", "lite"])
def test_a_restart_of_the_nucleus_keeps_components_configuration_and_groups(core, nucleus):
    device = core(nucleus)
    device.cloud.add(program())
    deploy(device, merge='{"word": "mine", "map": {"a": [1], "b": {}}}')
    # The cloud that the restarted core has knows no version: everything comes from the disk.
    restarted = core(nucleus, like=device)
    assert restarted.components == {"x.Y": "1.0.0"}
    assert log_of(device) == "started mine\nstarted mine\n"
    assert restarted.problems == []
    # What was merged before the restart is as old as it was: defaults and older deployments lose.
    restarted.cloud.add(program())
    restarted.cloud.add(program("2.0.0"))
    restarted.cloud.minutes = 5
    deploy(restarted, "2.0.0")
    assert restarted.installer.configuration.of("x.Y") == {
        "word": "mine",
        "map": {"a": [1], "b": {}},
    }
    assert "no version of x.Y meets" in deploy(restarted, "1.0.0", group="other")
