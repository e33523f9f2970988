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

    def make(nucleus):
        device = CoreDevice(
            thing="cam-1",
            folder=tmp_path / f"core-{len(made)}",
            cloud=Cloud(),
            stand_ins={},
            model_folder="/var/models",
            nucleus=nucleus,
            news=lambda _: None,
        )
        device.installer.start()
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
