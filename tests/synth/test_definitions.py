# SPDX-License-Identifier: Apache-2.0
"""The rollout as Step Functions reads it; tests of the pipeline: test_pipeline_definition.py."""

from typing import Any

from infra.edge.rollout_definition import rollout_definition

ROLLOUT = rollout_definition(
    function_arn="function",
    look_seconds=60,
    bake_minutes=10,
    timeout_minutes=30,
)


def next_states(state: dict[str, Any]) -> set[str]:
    names = {state.get("Next"), state.get("Default")}
    for branch in (*state.get("Choices", []), *state.get("Catch", [])):
        names.add(branch["Next"])
    return {name for name in names if name}


def test_every_rollout_state_can_be_reached_and_leads_on() -> None:
    states = ROLLOUT["States"]
    reached: set[str] = set()
    waiting = {ROLLOUT["StartAt"]}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= next_states(states[name]) - reached
    assert reached == set(states)


def test_a_failed_group_is_restored_and_the_rollout_fails() -> None:
    states = ROLLOUT["States"]
    assert states["JudgeLook"]["Default"] == "RestoreCanary"
    assert states["Look"]["Catch"][0]["Next"] == "RestoreCanary"
    for group in ("Canary", "Fleet"):
        assert states[f"Judge{group}"]["Default"] == f"Restore{group}"
        assert states[f"Check{group}"]["Catch"][0]["Next"] == f"Restore{group}"
        assert states[f"Restore{group}"]["Next"] == "Failed"


def test_the_fleet_waits_for_the_canaries() -> None:
    states = ROLLOUT["States"]
    assert _choices("JudgeCanary") == {"SUCCEEDED": "Bake", "RUNNING": "WaitCanary"}
    assert states["Bake"]["Next"] == "Look"
    assert _choices("JudgeLook") == {"SUCCEEDED": "DeployFleet", "RUNNING": "WaitLook"}
    assert (states["WaitLook"]["Seconds"], states["WaitLook"]["Next"]) == (60, "Look")
    assert states["WaitCanary"]["SecondsPath"] == "$.check.value.wait_seconds"


def test_a_look_is_given_what_the_last_one_answered() -> None:
    states = ROLLOUT["States"]
    [first] = states["Bake"]["Result"].values()
    payload = states["Look"]["Parameters"]["Payload"]
    for key in first:
        assert payload[f"{key}.$"] == f"$.check.value.{key}"


def _choices(name: str) -> dict[str, str]:
    choices = ROLLOUT["States"][name]["Choices"]
    return {choice["StringEquals"]: choice["Next"] for choice in choices}


def _nulls(value: Any) -> list[str]:
    if isinstance(value, dict):
        below = [f"{key}.{one}" for key, inner in value.items() for one in _nulls(inner)]
        return below + [str(key) for key, inner in value.items() if inner is None]
    return [one for inner in value for one in _nulls(inner)] if isinstance(value, list) else []


def test_a_definition_has_no_nulls() -> None:
    """CDK leaves them out of the template: what a path leads to would not be there on AWS."""
    assert _nulls(ROLLOUT) == []
