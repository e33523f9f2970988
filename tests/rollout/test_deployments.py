# SPDX-License-Identifier: Apache-2.0
from datetime import timedelta

import pytest
from botocore.stub import ANY

from rollout.deployments import check, deploy, restore
from rollout.settings import RolloutError
from tests.rollout.conftest import COMPONENT, GROUPS, NOW


def history(greengrass, *deployments, group="canary", looked_at=None):
    """Deployments of the group, newest first: (id, version, status)."""
    greengrass.answers(
        "list_deployments",
        {
            "deployments": [
                {
                    "deploymentId": name,
                    "targetArn": GROUPS[group],
                    "deploymentStatus": status,
                    "isLatestForTarget": number == 0,
                    "creationTimestamp": NOW - timedelta(hours=number),
                }
                # The service promises no order.
                for number, (name, _, status) in sorted(enumerate(deployments), key=lambda d: d[1])
            ]
        },
        targetArn=GROUPS[group],
        historyFilter="ALL",
        maxResults=100,
    )
    for name, version, status in deployments[:looked_at]:
        components = {COMPONENT: {"componentVersion": version}} if version else {}
        greengrass.answers(
            "get_deployment",
            {"deploymentId": name, "deploymentStatus": status, "components": components},
            deploymentId=name,
        )


def creates(greengrass, version, *, group="canary", new="new"):
    greengrass.answers(
        "create_deployment",
        {"deploymentId": new, "iotJobId": f"job-{new}"},
        targetArn=GROUPS[group],
        deploymentName=f"{COMPONENT} {version} to {group}",
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
            "timeoutConfig": {"inProgressTimeoutInMinutes": 30},
            "abortConfig": {
                "criteriaList": [
                    {
                        "failureType": "ALL",
                        "action": "CANCEL",
                        "thresholdPercentage": 20.0,
                        "minNumberOfExecutedThings": 1 if group == "canary" else 10,
                    }
                ]
            },
        },
        clientToken=ANY,
    )


def give(settings, greengrass, version, group="canary"):
    return deploy(
        group=group, version=version, settings=settings, greengrass=greengrass.client, now=NOW
    )


@pytest.mark.parametrize("group", ["canary", "fleet"])
def test_the_first_model_of_a_group(settings, greengrass, group):
    history(greengrass, group=group)
    creates(greengrass, "1.1.1", group=group)
    assert give(settings, greengrass, "1.1.1", group) == {
        "group": group,
        "version": "1.1.1",
        "deployment_id": "new",
        "created": True,
        "previous_version": None,
        "started_at": "2026-11-22T12:00:00+00:00",
    }


def test_a_new_model_replaces_the_last(settings, greengrass):
    history(greengrass, ("d2", "1.2.2", "ACTIVE"), ("d1", "1.1.1", "INACTIVE"), looked_at=1)
    creates(greengrass, "1.3.3")
    assert give(settings, greengrass, "1.3.3")["previous_version"] == "1.2.2"


def test_the_version_that_is_live_is_not_deployed_again(settings, greengrass):
    history(greengrass, ("d2", "1.2.2", "ACTIVE"), ("d1", "1.1.1", "INACTIVE"))
    found = give(settings, greengrass, "1.2.2")
    assert (found["created"], found["deployment_id"]) == (False, "d2")
    assert found["previous_version"] == "1.1.1"


def test_a_version_whose_deployment_was_cancelled_may_be_tried_again(settings, greengrass):
    history(greengrass, ("d2", "1.2.2", "CANCELED"), ("d1", "1.1.1", "INACTIVE"), looked_at=1)
    creates(greengrass, "1.2.2")
    greengrass.answers(
        "get_deployment",
        {"deploymentId": "d1", "components": {COMPONENT: {"componentVersion": "1.1.1"}}},
        deploymentId="d1",
    )
    found = give(settings, greengrass, "1.2.2")
    assert (found["created"], found["previous_version"]) == (True, "1.1.1")


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
    assert set(answer) == {"deployment_id", "status", "reason", "counts"}
    return answer["status"], answer["reason"]


@pytest.mark.parametrize(
    ("situation", "expected"),
    [
        ({"things": 0}, ("SUCCEEDED", "no camera in the group")),
        ({"things": 1}, ("RUNNING", "0 succeeded, 0 failed, 0 pending")),
        ({"Queued": 2}, ("RUNNING", "2 pending")),
        ({"Succeeded": 1, "InProgress": 1}, ("RUNNING", "1 succeeded")),
        ({"Succeeded": 2}, ("SUCCEEDED", "2 succeeded")),
        ({"Failed": 1}, ("FAILED", "more than 20 % of cameras failed")),
        ({"Rejected": 1, "Succeeded": 1}, ("FAILED", "1 succeeded, 1 failed")),
        ({"TimedOut": 1, "Succeeded": 1}, ("FAILED", "more than 20 %")),
        ({"Failed": 1, "Succeeded": 4}, ("SUCCEEDED", "4 succeeded, 1 failed")),
        ({"Failed": 1, "Succeeded": 1, "Queued": 8}, ("RUNNING", "8 pending")),
        ({"Failed": 3, "Queued": 7}, ("FAILED", "3 failed, 7 pending")),
        ({"Succeeded": 1, "status": "CANCELED"}, ("FAILED", "was cancelled")),
        # Cameras that are switched off hold a rollout up only for so long.
        ({"Succeeded": 1, "Queued": 5, "minutes": 61}, ("SUCCEEDED", "5 pending")),
        ({"Failed": 1, "Succeeded": 1, "Queued": 8, "minutes": 61}, ("FAILED", "more than 20 %")),
        ({"Queued": 1, "minutes": 61}, ("FAILED", "no camera answered")),
        ({"Queued": 1, "minutes": 61, "group": "fleet"}, ("SUCCEEDED", "no camera answered")),
    ],
)
def test_the_state_of_a_deployment(settings, greengrass, service, situation, expected):
    found, reason = watch(settings, greengrass, service, **situation)
    assert (found, expected[1] in reason) == (expected[0], True), reason


def take_back(settings, greengrass, deployment="d2"):
    return restore(
        group="canary", deployment_id=deployment, settings=settings, greengrass=greengrass.client
    )


def test_a_failed_model_gives_way_to_the_one_before(settings, greengrass):
    history(greengrass, ("d2", "1.2.2", "ACTIVE"), ("d1", "1.1.1", "INACTIVE"))
    creates(greengrass, "1.1.1", new="d3")
    assert take_back(settings, greengrass) == {
        "group": "canary",
        "restored": True,
        "version": "1.1.1",
        "deployment_id": "d3",
        "detail": f"back to {COMPONENT} 1.1.1",
    }


def test_a_model_that_was_given_up_is_not_restored(settings, greengrass):
    history(
        greengrass,
        ("d4", "1.4.4", "CANCELED"),
        ("d3", "1.3.3", "CANCELED"),
        ("d2", "1.4.4", "INACTIVE"),
        ("d1", "1.1.1", "INACTIVE"),
    )
    creates(greengrass, "1.1.1", new="d5")
    assert take_back(settings, greengrass, "d4")["version"] == "1.1.1"


@pytest.mark.parametrize("status", ["ACTIVE", "CANCELED"])
def test_a_first_model_that_fails_is_cancelled(settings, greengrass, status):
    history(greengrass, ("d2", "1.2.2", status))
    if status == "ACTIVE":
        greengrass.answers("cancel_deployment", {"message": "ok"}, deploymentId="d2")
    found = take_back(settings, greengrass)
    assert (found["restored"], found["deployment_id"]) == (False, None)
    assert "no model before" in found["detail"]


def test_a_deployment_that_another_replaced_is_left_alone(settings, greengrass):
    history(greengrass, ("d3", "1.1.1", "ACTIVE"), ("d2", "1.2.2", "INACTIVE"), looked_at=1)
    found = take_back(settings, greengrass)
    assert (found["restored"], found["detail"]) == (False, "superseded by deployment d3")


def test_a_group_without_deployments_has_nothing_to_restore(settings, greengrass):
    history(greengrass)
    with pytest.raises(RolloutError, match="has no deployment"):
        take_back(settings, greengrass)


def test_a_long_history_is_read_page_by_page(settings, greengrass):
    page = {"targetArn": GROUPS["canary"], "historyFilter": "ALL", "maxResults": 100}
    greengrass.answers("list_deployments", {"deployments": [], "nextToken": "t"}, **page)
    greengrass.answers("list_deployments", {"deployments": []}, **page, nextToken="t")
    creates(greengrass, "1.1.1")
    assert give(settings, greengrass, "1.1.1")["created"]


def test_a_repeated_call_has_the_same_token_and_another_version_another(settings, greengrass):
    tokens = []
    greengrass.client.meta.events.register(
        "provide-client-params.greengrassv2.CreateDeployment",
        lambda params, **_: tokens.append(params["clientToken"]),
    )
    for version in ("1.1.1", "1.1.1", "1.2.2"):
        history(greengrass)
        creates(greengrass, version)
        give(settings, greengrass, version)
    assert tokens[0] == tokens[1] != tokens[2]
