# SPDX-License-Identifier: Apache-2.0
import pytest

import rollout_handler
from rollout.settings import RolloutError, from_environment
from tests.rollout.conftest import ENVIRONMENT, NOW
from tests.rollout.test_deployments import creates, newest


def dispatch(event, settings, **clients):
    return rollout_handler.dispatch(event, settings=settings, clients=clients, now=NOW)


def test_a_state_may_pass_more_than_an_action_takes(settings, greengrass):
    newest(greengrass)
    creates(greengrass, "1.1.1")
    event = {"action": "deploy", "group": "canary", "version": "1.1.1", "digest": "x", "detail": {}}
    answer = dispatch(event, settings, greengrass=greengrass.client, s3=None, sagemaker=None)
    assert answer["deployment_id"] == "new"


def test_the_lambda_entry_reads_its_environment(monkeypatch, settings, greengrass):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rollout_handler, "_clients", lambda: {"greengrass": greengrass.client})
    rollout_handler._settings.cache_clear()
    newest(greengrass)
    creates(greengrass, "1.1.1")
    event = {"action": "deploy", "group": "canary", "version": "1.1.1"}
    assert rollout_handler.handler(event, None)["created"]
    rollout_handler._settings.cache_clear()


def test_there_may_be_no_model_to_go_back_to(settings, greengrass):
    newest(greengrass, "d1", "1.1.1", "CANCELED")
    event = {"action": "restore", "group": "canary", "deployment_id": "d1"}
    answer = dispatch({**event, "previous_version": None}, settings, greengrass=greengrass.client)
    assert answer["restored"] is False


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            {},
            "action None: allowed are package, create_component, deploy, check, restore, undo",
        ),
        ({"action": "explode"}, "action 'explode': allowed are"),
        ({"action": "deploy", "group": "canary"}, "payload key 'version' is None"),
        ({"action": "deploy", "group": "canary", "version": 3}, "payload key 'version' is 3"),
        (
            {
                "action": "restore",
                "group": "canary",
                "deployment_id": "d1",
                "previous_version": 3,
            },
            "payload key 'previous_version' is 3",
        ),
        ({"action": "deploy", "group": "all", "version": "1.1.1"}, "allowed are canary, fleet"),
    ],
)
def test_a_wrong_payload_is_refused(settings, greengrass, event, said):
    with pytest.raises(RolloutError, match=said):
        dispatch(event, settings, greengrass=greengrass.client)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        *((name, "", f"{name}") for name in sorted(ENVIRONMENT)),
        ("CANARY_GROUP_ARN", "canary", "not a thing group's ARN"),
        ("CAMERAS_PER_MINUTE", "1001", "allowed are 1 to 1000"),
        ("MAXIMUM_FAILED_PERCENT", "some", "allowed are 0 to 100"),
        ("BAKE_MINUTES", "1441", "allowed are 0 to 1440"),
        ("PATIENCE_MINUTES", "0", "allowed are 1 to 10080"),
    ],
)
def test_a_wrong_environment_variable_is_named(name, value, said):
    with pytest.raises(RolloutError, match=said):
        from_environment({**ENVIRONMENT, name: value})
