# SPDX-License-Identifier: Apache-2.0
"""Environments begin and stop to exchange models without a stack that cannot be deployed."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.synth.conftest import STACKS, Assemblies
from tests.synth.variants import TAKES, TRAINS


def imports(value: Any) -> Iterator[str]:
    """The exports that a template asks for."""
    if isinstance(value, dict):
        if "Fn::ImportValue" in value:
            yield value["Fn::ImportValue"]
        for one in value.values():
            yield from imports(one)
    elif isinstance(value, list):
        for one in value:
            yield from imports(one)


def exports(assemblies: Assemblies, environment: str) -> set[str]:
    """The exports of all stacks of an environment."""
    return {
        output["Export"]["Name"]
        for stack in STACKS
        for output in assemblies.template(environment, stack).get("Outputs", {}).values()
        if "Export" in output
    }


def needed(assemblies: Assemblies, environment: str) -> set[str]:
    """The exports that an environment's stacks ask for."""
    return {name for stack in STACKS for name in imports(assemblies.template(environment, stack))}


@pytest.mark.parametrize(
    ("deployed", "next_one"), [("dev", TRAINS), (TRAINS, "dev"), (TAKES, "dev"), (TAKES, TRAINS)]
)
def test_no_export_goes_that_a_deployed_stack_asks_for(
    assemblies: Assemblies, deployed: str, next_one: str
) -> None:
    assert needed(assemblies, deployed) <= exports(assemblies, next_one)


def test_where_models_are_taken_from_now_on_insights_can_be_deployed_first(
    assemblies: Assemblies,
) -> None:
    """Then nothing asks for the pipeline any more (docs/how-to/promote-a-model.md)."""
    insights = set(imports(assemblies.template(TAKES, "Insights")))
    assert insights <= exports(assemblies, "dev")
    others = {
        name
        for stack in ("Data", "Training", "Edge")
        for name in imports(assemblies.template("dev", stack))
    }
    assert others <= exports(assemblies, TAKES)


def test_what_takes_models_neither_trains_nor_watches_a_training(assemblies: Assemblies) -> None:
    for kind in ("AWS::SageMaker::Pipeline", "AWS::SageMaker::NotebookInstance"):
        assert assemblies.of_type(TAKES, kind) == {}
    alarms = assemblies.of_type(TAKES, "AWS::CloudWatch::Alarm")
    assert not [name for name in alarms if "AlertsTraining" in name]
    assert [name for name in alarms if "AlertsPromotionFailed" in name]
    roles = [name for name in assemblies.resources(TAKES) if name.startswith("Training/")]
    assert not [
        name for name in roles if "Jobs" in name or "Start" in name.split("FailedStarts")[0]
    ]
