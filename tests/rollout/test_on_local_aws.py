# SPDX-License-Identifier: Apache-2.0
"""The rollout's steps against the local AWS, where they meet what the service keeps."""

import dataclasses
import hashlib
from datetime import UTC, datetime

import pytest

from ministack_edge.process import LocalAws, free_port
from rehearsal.aws_client import Cloud
from rollout.deployments import deploy, restore
from rollout.package import create_component
from rollout.settings import from_environment
from tests.rollout.conftest import ACCOUNT, COMPONENT, ENVIRONMENT, REGION

BUCKET = "artifacts"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with LocalAws(port=free_port(), work=tmp_path_factory.mktemp("aws"), enforce=False) as aws:
        found = Cloud(endpoint=aws.endpoint, account=ACCOUNT, region=REGION, prefix="binsight-dev")
        found.client("s3").create_bucket(Bucket=BUCKET)
        for name in ("model.tar.gz", "adopt.py"):
            found.client("s3").put_object(Bucket=BUCKET, Key=name, Body=b"content")
        for group in ("canary", "fleet"):
            name = f"binsight-dev-model-{group}"
            found.client("iot").create_thing_group(thingGroupName=name)
        yield found


@pytest.fixture
def settings():
    return from_environment(ENVIRONMENT)


def create(cloud, settings, version, *, model=""):
    return create_component(
        version=version,
        digest=hashlib.sha256((model or version).encode()).hexdigest(),
        archive_uri=f"s3://{BUCKET}/model.tar.gz",
        adopt_uri=f"s3://{BUCKET}/adopt.py",
        settings=settings,
        greengrass=cloud.client("greengrassv2"),
        sleep=lambda _: None,
    )


def give(cloud, settings, version, group="canary"):
    return deploy(
        group=group,
        version=version,
        settings=settings,
        greengrass=cloud.client("greengrassv2"),
        now=datetime.now(UTC),
    )


def version_of(cloud, deployment):
    found = cloud.client("greengrassv2").get_deployment(deploymentId=deployment)
    return found["components"][COMPONENT]["componentVersion"]


def test_the_same_model_with_another_recipe_is_made_within_eight_hours(cloud, settings):
    assert create(cloud, settings, "1.0.1", model="same")["created"]
    moved = dataclasses.replace(settings, model_folder="/srv/models")
    assert create(cloud, moved, "1.0.2", model="same")["created"]


def test_a_deleted_component_version_is_made_again_within_eight_hours(cloud, settings):
    made = create(cloud, settings, "1.0.3")
    cloud.client("greengrassv2").delete_component(arn=made["component_arn"])
    assert create(cloud, settings, "1.0.3") == made


def test_a_failed_model_gives_way_to_the_one_before(cloud, settings):
    for version in ("2.0.1", "2.0.2", "2.0.3"):
        create(cloud, settings, version)
    for version in ("2.0.1", "2.0.2"):
        give(cloud, settings, version)
    failed = give(cloud, settings, "2.0.3")
    # A step that is repeated because its answer was lost must not forget what was before.
    repeated = give(cloud, settings, "2.0.3")
    assert repeated == {**failed, "created": False, "started_at": repeated["started_at"]}
    answer = restore(
        group="canary",
        deployment_id=failed["deployment_id"],
        previous_version=failed["previous_version"],
        settings=settings,
        greengrass=cloud.client("greengrassv2"),
    )
    assert (answer["restored"], answer["version"]) == (True, "2.0.2")
    assert version_of(cloud, answer["deployment_id"]) == "2.0.2"


def test_a_deleted_deployment_is_made_again_within_eight_hours(cloud, settings):
    create(cloud, settings, "3.0.1")
    made = give(cloud, settings, "3.0.1", "fleet")["deployment_id"]
    greengrass = cloud.client("greengrassv2")
    greengrass.cancel_deployment(deploymentId=made)
    greengrass.delete_deployment(deploymentId=made)
    again = give(cloud, settings, "3.0.1", "fleet")
    assert version_of(cloud, again["deployment_id"]) == "3.0.1"
