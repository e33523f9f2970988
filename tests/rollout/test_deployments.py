# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from datetime import timedelta

import pytest
from botocore.stub import ANY

from infra.config.limits import STATE_MACHINE_HISTORY
from rollout.deployments import check, deploy, restore, wait_seconds
from rollout.settings import RolloutError
from tests.rollout.conftest import COMPONENT, GROUPS, NOW


def newest(greengrass, name=None, version=None, status="ACTIVE", *, before=None, group="canary"):
    """The group's newest deployment; None for a name: it has none."""
    summary = {"deploymentId": name, "targetArn": GROUPS[group], "isLatestForTarget": True}
    greengrass.answers(
        "list_deployments",
        {"deployments": [summary] if name else []},
        targetArn=GROUPS[group],
        historyFilter="LATEST_ONLY",
    )
    if name:
        greengrass.answers(
            "get_deployment",
            {
                "deploymentId": name,
                "deploymentName": named(version, group, before),
                "deploymentStatus": status,
                "components": {COMPONENT: {"componentVersion": version}} if version else {},
            },
            deploymentId=name,
        )


def named(version, group, before):
    return f"{COMPONENT} {version} to {group}" + (f" (before: {before})" if before else "")


def creates(
    greengrass, version, *, group="canary", new="new", before=None, status="ACTIVE", ours=True
):
    """A deployment is created; with a token of ours it is looked at too (status None: no)."""
    greengrass.answers(
        "create_deployment",
        {"deploymentId": new, "iotJobId": f"job-{new}"},
        targetArn=GROUPS[group],
        deploymentName=named(version, group, before),
        components={
            COMPONENT: {"componentVersion": version, "configurationUpdate": {"reset": [""]}}
        },
        deploymentPolicies={
            "failureHandlingPolicy": "ROLLBACK",
            "componentUpdatePolicy": {"timeoutInSeconds": 60, "action": "NOTIFY_COMPONENTS"},
            "configurationValidationPolicy": {"timeoutInSeconds": 60},
        },
        iotJobConfiguration={
            "jobExecutionsRolloutConfig": {"maximumPerMinute": 50},
            "timeoutConfig": {"inProgressTimeoutInMinutes": 10_080},
        },
        **({"clientToken": ANY} if ours else {}),
    )
    if status:
        greengrass.answers(
            "get_deployment", {"deploymentId": new, "deploymentStatus": status}, deploymentId=new
        )


def give(settings, greengrass, version, group="canary"):
    return deploy(
        group=group, version=version, settings=settings, greengrass=greengrass.client, now=NOW
    )


@pytest.mark.parametrize("group", ["canary", "fleet"])
def test_the_first_model_of_a_group(settings, greengrass, group):
    newest(greengrass, group=group)
    creates(greengrass, "1.1.1", group=group)
    assert give(settings, greengrass, "1.1.1", group) == {
        "group": group,
        "version": "1.1.1",
        "deployment_id": "new",
        "created": True,
        "previous_version": None,
        "started_at": "2026-11-22T12:00:00+00:00",
    }


def test_a_new_model_replaces_the_last_and_its_name_says_which(settings, greengrass):
    newest(greengrass, "d2", "1.2.2", before="1.1.1")
    creates(greengrass, "1.3.3", before="1.2.2")
    assert give(settings, greengrass, "1.3.3")["previous_version"] == "1.2.2"


def test_the_version_that_is_live_is_not_deployed_again(settings, greengrass):
    newest(greengrass, "d2", "1.2.2", before="1.1.1")
    found = give(settings, greengrass, "1.2.2")
    assert (found["created"], found["deployment_id"]) == (False, "d2")
    assert found["previous_version"] == "1.1.1"


@pytest.mark.parametrize("status", ["CANCELED", "FAILED"])
@pytest.mark.parametrize(
    ("version", "before"), [("1.2.2", "1.1.1"), ("1.3.3", "1.1.1"), ("1.1.1", "1.1.1")]
)
def test_after_a_deployment_that_was_given_up_what_was_before_it_counts(
    settings, greengrass, status, version, before
):
    newest(greengrass, "d2", "1.2.2", status, before=before)
    creates(greengrass, version, before=before)
    found = give(settings, greengrass, version)
    assert (found["created"], found["previous_version"]) == (True, before)


@pytest.mark.parametrize("status", ["CANCELED", None])
def test_an_answer_from_the_cache_for_a_deployment_that_is_over_is_not_taken(
    settings, greengrass, status
):
    """Greengrass answers a known token for eight hours, whatever has become of the deployment."""
    newest(greengrass)
    creates(greengrass, "1.1.1", new="old", status=status)
    if status is None:
        greengrass.fails("get_deployment", "ResourceNotFoundException", deploymentId="old")
    creates(greengrass, "1.1.1", new="new", status=None, ours=False)
    assert give(settings, greengrass, "1.1.1")["deployment_id"] == "new"


def watch(
    settings, greengrass, service, *, group="canary", minutes=1, things=1, status="ACTIVE", **counts
):
    greengrass.answers(
        "get_deployment",
        {"deploymentId": "d1", "iotJobId": "job-1", "deploymentStatus": status},
        deploymentId="d1",
    )
    iot = service("iot")
    details = {f"numberOf{kind}Things": number for kind, number in counts.items()}
    iot.answers(
        "describe_job",
        {"job": {"jobId": "job-1", "status": "IN_PROGRESS", "jobProcessDetails": details}},
        jobId="job-1",
    )
    if not sum(counts.values()):
        iot.answers(
            "list_things_in_thing_group",
            {"things": [f"cam-{number}" for number in range(things)]},
            thingGroupName=f"binsight-dev-model-{group}",
            recursive=True,
            maxResults=1,
        )
    answer = check(
        group=group,
        deployment_id="d1",
        started_at=(NOW - timedelta(minutes=minutes)).isoformat(),
        settings=settings,
        greengrass=greengrass.client,
        iot=iot.client,
        now=NOW,
    )
    assert set(answer) == {"deployment_id", "status", "reason", "counts", "wait_seconds"}
    return answer["status"], answer["reason"]


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        ({"things": 0}, ("SUCCEEDED", "no camera in the group")),
        ({"things": 1}, ("RUNNING", "0 succeeded, 0 failed, 0 waiting")),
        ({"Queued": 2}, ("RUNNING", "2 waiting or asleep")),
        ({"Succeeded": 1, "InProgress": 1}, ("RUNNING", "1 succeeded")),
        ({"Succeeded": 2}, ("SUCCEEDED", "2 succeeded")),
        ({"Failed": 1}, ("FAILED", "more than 20 % of cameras failed")),
        ({"Rejected": 1, "Succeeded": 1}, ("FAILED", "1 succeeded, 1 failed")),
        # A camera that began and fell silent sleeps; a model may have stopped it, though.
        ({"TimedOut": 1, "Succeeded": 1}, ("RUNNING", "0 failed, 1 waiting or asleep")),
        ({"InProgress": 2, "Succeeded": 1, "minutes": 61}, ("FAILED", "2 canaries started")),
        ({"InProgress": 2, "Succeeded": 2, "minutes": 61}, ("SUCCEEDED", "0 failed, 2 waiting")),
        (
            {"InProgress": 2, "Succeeded": 1, "minutes": 61, "group": "fleet"},
            ("SUCCEEDED", "0 failed, 2 waiting"),
        ),
        ({"Failed": 1, "Succeeded": 4}, ("SUCCEEDED", "4 succeeded, 1 failed")),
        ({"Failed": 1, "Succeeded": 1, "Queued": 8}, ("RUNNING", "8 waiting")),
        ({"Failed": 3, "Queued": 7}, ("FAILED", "3 failed, 7 waiting")),
        ({"Succeeded": 1, "status": "CANCELED"}, ("FAILED", "was cancelled")),
        # Cameras that are switched off hold a rollout up only for so long.
        ({"Succeeded": 1, "Queued": 5, "minutes": 61}, ("SUCCEEDED", "5 waiting")),
        ({"Failed": 1, "Succeeded": 1, "Queued": 8, "minutes": 61}, ("FAILED", "more than 20 %")),
        ({"Queued": 1, "minutes": 61}, ("FAILED", "no camera answered")),
        ({"Queued": 1, "minutes": 61, "group": "fleet"}, ("SUCCEEDED", "no camera answered")),
    ],
)
def test_the_state_of_a_deployment(settings, greengrass, service, situation, expected):
    found, reason = watch(settings, greengrass, service, **situation)
    assert (found, expected[1] in reason) == (expected[0], True), reason


def take_back(settings, greengrass, previous="1.1.1", deployment="d2"):
    return restore(
        group="canary",
        deployment_id=deployment,
        previous_version=previous,
        settings=settings,
        greengrass=greengrass.client,
    )


@pytest.mark.parametrize("status", ["ACTIVE", "CANCELED"])
def test_a_failed_model_gives_way_to_the_one_before(settings, greengrass, status):
    newest(greengrass, "d2", "1.2.2", status, before="1.1.1")
    creates(greengrass, "1.1.1", new="d3")
    assert take_back(settings, greengrass) == {
        "group": "canary",
        "restored": True,
        "version": "1.1.1",
        "deployment_id": "d3",
        "detail": f"back to {COMPONENT} 1.1.1",
    }


@pytest.mark.parametrize("status", ["ACTIVE", "CANCELED"])
def test_a_first_model_that_fails_is_cancelled(settings, greengrass, status):
    newest(greengrass, "d2", "1.2.2", status)
    if status == "ACTIVE":
        greengrass.answers("cancel_deployment", {"message": "ok"}, deploymentId="d2")
    found = take_back(settings, greengrass, previous=None)
    assert (found["restored"], found["deployment_id"]) == (False, None)
    assert "no model before" in found["detail"]


def test_a_deployment_that_another_replaced_is_left_alone(settings, greengrass):
    newest(greengrass, "d3", "1.3.3")
    found = take_back(settings, greengrass)
    assert (found["restored"], found["detail"]) == (False, "superseded by deployment d3")


def test_a_repeated_restore_answers_as_the_first(settings, greengrass):
    newest(greengrass, "d3", "1.1.1")
    found = take_back(settings, greengrass)
    assert (found["restored"], found["deployment_id"]) == (True, "d3")


def test_a_group_without_deployments_has_nothing_to_restore(settings, greengrass):
    newest(greengrass)
    with pytest.raises(RolloutError, match="has no deployment"):
        take_back(settings, greengrass)


def test_a_repeated_call_has_the_same_token_and_another_version_another(settings, greengrass):
    tokens = []
    greengrass.client.meta.events.register(
        "provide-client-params.greengrassv2.CreateDeployment",
        lambda params, **_: tokens.append(params["clientToken"]),
    )
    for version in ("1.1.1", "1.1.1", "1.2.2"):
        newest(greengrass)
        creates(greengrass, version)
        give(settings, greengrass, version)
    assert tokens[0] == tokens[1] != tokens[2]


@pytest.mark.parametrize(
    ("age", "wait"),
    [(0, 30), (60, 30), (100, 50), (600, 300), (3000, 600), (3500, 101), (3590, 30), (4000, 30)],
)
def test_checks_become_fewer_and_the_last_one_comes_when_time_is_up(settings, age, wait):
    """Half the age, between 30 seconds (the setting) and ten minutes; patience is an hour."""
    assert wait_seconds(age, settings) == wait


def test_a_week_of_checks_fits_the_history(settings):
    week = replace(settings, check_seconds=1, patience_minutes=10080)
    age, checks = 0, 1
    while age <= 60 * week.patience_minutes:
        age += wait_seconds(age, week)
        checks += 1
    # Nine events each, in two groups.
    assert 2 * 9 * checks < 0.8 * STATE_MACHINE_HISTORY.most
