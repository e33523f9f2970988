# SPDX-License-Identifier: Apache-2.0
"""The simulated core runs a component's steps as the nucleus that it stands for."""

import io
import json
import zipfile

import pytest

from rehearsal.errors import RehearsalError
from rehearsal.simulated_core import component_process, lifecycle
from rehearsal.simulated_core.configuration import Update
from rehearsal.simulated_core.install import Installer
from rollout.recipe import model_recipe
from tests.rehearsal.core_cloud import Cloud, artifact, recipe
from tests.rollout.test_recipe import MODEL


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs a recipe; ``install.core`` is the core that has it."""
    monkeypatch.setattr(component_process, "SETTLING_SECONDS", 0.4)
    monkeypatch.setattr(lifecycle, "RESTART_SECONDS", 0.02)
    cores = []

    def run(recipe, *, nucleus="lite", merge=(), **objects):
        cloud = Cloud(**objects)
        cloud.add(recipe)
        core = Installer(
            thing="cam-1",
            folder=tmp_path / f"core-{len(cores)}",
            cloud=cloud,
            stand_ins={"STAND_IN": "lens"},
            model_folder="/var/models",
            nucleus=nucleus,
        )
        cores.append(core)
        core.start()
        exactly = {"thinggroup/g": f"=={recipe['ComponentVersion']}"}
        core.install(recipe["ComponentName"], exactly, Update(merge=dict(merge)), time=10.0)
        return core

    yield run
    for core in cores:
        core.stop()


def log_of(core):
    return (core.folder / "x.Y.log").read_text()


def test_install_then_run_with_the_merged_configuration_and_the_variables(install):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("say.sh", 'echo "$1 $AWS_IOT_THING_NAME $STAND_IN $A"')
    lifecycle = {
        "Setenv": {"A": "all"},
        "install": {"Script": "sh {artifacts:decompressedPath}/code/say.sh install"},
        "run": {
            "Script": "sh {artifacts:decompressedPath}/code/say.sh {configuration:/word}; sleep 60",
            "Setenv": {"A": "mine"},
        },
    }
    content = buffer.getvalue()
    core = install(
        recipe(
            lifecycle,
            artifacts=[artifact("code.zip", content, Unarchive="ZIP")],
            configuration={"word": "default"},
        ),
        merge={"word": "merged"},
        code_zip=content,
    )
    assert log_of(core) == "install cam-1 lens all\nmerged cam-1 lens mine\n"
    assert core.installed == {"x.Y": "1.0.0"}
    core.check()


def test_a_run_that_ends_well_is_finished_and_one_that_fails_is_started_three_times(install):
    core = install(recipe({"run": {"Script": "echo done"}}))
    core.check()
    assert log_of(core) == "done\n"
    with pytest.raises(RehearsalError, match="ended with status 4"):
        install(recipe({"run": {"Script": "echo again; exit 4"}}))


def test_a_program_that_ends_later_is_noticed(install):
    core = install(recipe({"run": {"Script": "sleep 0.6; exit 5"}}))
    core.process_of("x.Y").process.wait(5)
    with pytest.raises(RehearsalError, match="ended with status 5"):
        core.check()


def test_what_lite_would_not_do_is_refused_before_anything_runs(install):
    with pytest.raises(RehearsalError, match="step Run is not known"):
        install(recipe({"Run": {"Script": "true"}}))
    with pytest.raises(RehearsalError, match="configuration /a: over 1000"):
        install(recipe({"run": {"Script": "true"}}), merge={"a": "x" * 1000})
    with pytest.raises(RehearsalError, match="install"):
        install(recipe({"install": {"Script": "true"}}))


def model_component(adopt):
    """The recipe of a model component with another ``adopt.py``, and its artifacts."""
    document = json.loads(model_recipe(**{**MODEL, "model_folder": "/var/models"}))
    del document["ComponentDependencies"]  # what they bring is in test_core_deployments.py
    for manifest in document["Manifests"]:
        manifest["Artifacts"] = [artifact("model.tar.gz", b"m"), artifact("adopt.py", adopt)]
    return document, {"model_tar_gz": b"m", "adopt_py": adopt}


@pytest.mark.parametrize("seconds", [0, 0.8], ids=["at once", "after the nucleus would look"])
@pytest.mark.parametrize("nucleus", ["java", "lite"])
def test_a_model_that_is_refused_fails_the_deployment_on_both(install, nucleus, seconds):
    document, objects = model_component(
        f"import sys, time; time.sleep({seconds}); sys.exit(1)".encode()
    )
    with pytest.raises(RehearsalError, match="ended with status 1"):
        install(document, nucleus=nucleus, **objects)


@pytest.mark.parametrize("nucleus", ["java", "lite"])
def test_a_model_that_is_adopted_is_installed_on_both(install, nucleus):
    document, objects = model_component(b"import time; time.sleep(0.8)")
    assert "binsight-dev.Model" in install(document, nucleus=nucleus, **objects).installed


def test_nucleus_lite_looks_once_and_takes_what_still_runs_for_what_works(install):
    """So no step whose end matters may be a ``run`` step (ADR 0008)."""
    core = install(recipe({"run": {"Script": "sleep 0.8; exit 1"}}))
    assert core.installed
    with pytest.raises(RehearsalError, match="ended with status 1"):
        install(recipe({"run": {"Script": "exit 1"}}))


def test_nucleus_lite_waits_for_a_startup_step_to_say_that_it_is_ready(install):
    with pytest.raises(RehearsalError, match="never said --ready"):
        install(recipe({"startup": {"Script": "true"}}))
