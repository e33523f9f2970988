# SPDX-License-Identifier: Apache-2.0
"""``make cameras`` says which cameras are unwell, why, and what helps."""

from types import SimpleNamespace

from enrolment.kits import WARN_DAYS as OF_FUNCTION

from tools.camera_health import troubles
from tools.camera_tables import WARN_DAYS

GROUP = "arn:aws:iot:eu-central-1:111122223333:thinggroup/binsight-runtime"


class Greengrass:
    """Answers as Greengrass does: pages of what was reported about each core."""

    def __init__(self, cores):
        self._cores, self.calls = cores, 0

    def get_paginator(self, operation):
        return SimpleNamespace(paginate=lambda **asked: self._pages(operation, **asked))

    def _pages(self, operation, *, coreDeviceThingName="", thingGroupArn="", status=""):  # noqa: N803
        self.calls += 1
        if operation == "list_core_devices":
            assert thingGroupArn == GROUP
            for thing, core in self._cores.items():
                found = [{"coreDeviceThingName": thing}] if core["status"] == status else []
                yield {"coreDevices": found}
            return
        key = {
            "list_installed_components": "installedComponents",
            "list_effective_deployments": "effectiveDeployments",
        }[operation]
        yield {key: self._cores[coreDeviceThingName].get(key, [])}


def found(cores):
    greengrass = Greengrass(cores)
    return (
        troubles(greengrass, group_arn=GROUP, environment="prod", prefix="binsight"),
        greengrass.calls,
    )


def part(name, state):
    return {
        "componentName": f"binsight.{name}",
        "componentVersion": "1.2.3",
        "lifecycleState": state,
    }


def test_what_is_broken_is_named_with_the_command_that_helps():
    cores = {
        "binsight-7": {
            "status": "UNHEALTHY",
            "installedComponents": [part("Inference", "BROKEN"), part("Model", "RUNNING")],
        },
        "binsight-8": {
            "status": "UNHEALTHY",
            "installedComponents": [part("Inference", "RUNNING"), part("Model", "BROKEN")],
            "effectiveDeployments": [
                {
                    "coreDeviceExecutionStatus": "FAILED",
                    "targetArn": GROUP,
                    "reason": "Model refused",
                },
                {"coreDeviceExecutionStatus": "SUCCEEDED", "targetArn": GROUP},
            ],
        },
        "binsight-9": {"status": "HEALTHY"},
    }
    seen, _ = found(cores)
    assert [(trouble.thing, trouble.what) for trouble in seen] == [
        ("binsight-7", "binsight.Inference 1.2.3 is BROKEN"),
        ("binsight-8", "binsight.Model 1.2.3 is BROKEN"),
        ("binsight-8", "deployment to binsight-runtime FAILED: Model refused"),
    ]
    program, model, deployment = (trouble.help for trouble in seen)
    assert "reboot the box" in program
    assert "make deploy ENV=prod" in program
    assert "make rollout ENV=prod ROLLBACK=1" in model
    assert "make deploy ENV=prod" in deployment


def test_a_core_that_is_unwell_without_a_reason_is_not_left_out():
    seen, _ = found({"binsight-7": {"status": "UNHEALTHY", "installedComponents": []}})
    assert [trouble.thing for trouble in seen] == ["binsight-7"]


def test_a_large_fleet_that_is_well_costs_one_call():
    cores = {f"binsight-{number}": {"status": "HEALTHY"} for number in range(2000)}
    assert found(cores) == ([], 1)


def test_the_list_and_the_function_warn_equally_early():
    assert WARN_DAYS == OF_FUNCTION
