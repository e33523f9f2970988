# SPDX-License-Identifier: Apache-2.0
"""An environment that was destroyed is deployed again over what was kept."""

from typing import Any

import pytest

from tests.environments.inventory import Inventory
from tests.recovery.production import STACKS, Production

PHOTO = {"Key": "trash/glass/1.jpg", "Body": b"a photo of the earlier life"}


@pytest.fixture(scope="module")
def kept(destroyed: Production) -> Inventory:
    """What is there before the second life begins."""
    found = destroyed.inventories()[destroyed.copy.place]
    for bucket in found["AWS::S3::Bucket"]:
        if "datasetbucket" in bucket:
            client(destroyed, "s3").put_object(Bucket=bucket, **PHOTO)
    registry = client(destroyed, "sagemaker")
    registry.create_model_package(
        ModelPackageGroupName="binsight-prod-models", ModelApprovalStatus="Approved"
    )
    return found


def client(production: Production, service: str) -> Any:
    return production.cloud(production.copy).client(service)


def test_a_plain_deployment_is_stopped_before_it_makes_new_buckets(
    destroyed: Production, kept: Inventory
) -> None:
    told = destroyed.tool("before_deploy")
    assert told.returncode == 1
    assert "binsight-prod-data: an earlier stack of this name kept 6 resources" in told.stderr
    assert "binsight-prod-training: an earlier stack of this name kept 1 res" in told.stderr
    assert "make deploy-again" in told.stderr


def test_everything_is_taken_back_and_the_rest_made_anew(
    destroyed: Production, kept: Inventory
) -> None:
    assembly = str(destroyed.assemblies / destroyed.copy.name)
    taken = destroyed.tool("take_back", "--assembly", assembly)
    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert destroyed.cdk(destroyed.copy).deploy("--import-existing-resources") == len(STACKS)
    found = destroyed.inventories()[destroyed.copy.place]
    for kind in ("AWS::S3::Bucket", "AWS::SageMaker::ModelPackageGroup", "AWS::IoT::ThingGroup"):
        assert found[kind] == kept[kind], kind
    assert found["AWS::Glue::Database"] == kept["AWS::Glue::Database"]
    bucket = destroyed.cloud(destroyed.copy).outputs()["DatasetBucket"]
    read = client(destroyed, "s3").get_object(Bucket=bucket, Key=PHOTO["Key"])
    assert read["Body"].read() == PHOTO["Body"]
    packages = client(destroyed, "sagemaker").list_model_packages(
        ModelPackageGroupName="binsight-prod-models"
    )
    assert len(packages["ModelPackageSummaryList"]) == 1


def test_the_second_life_is_like_the_first(destroyed: Production) -> None:
    assert destroyed.deploy() == {"prod": 0}
    assert all(destroyed.stack(stack)["EnableTerminationProtection"] for stack in STACKS)
    assert "Number of resources with drift: 0" in destroyed.drift(destroyed.copy)
    table = client(destroyed, "glue").get_table(DatabaseName="binsight_prod", Name="detections")
    bucket = destroyed.cloud(destroyed.copy).outputs()["ArchiveBucket"]
    assert table["Table"]["StorageDescriptor"]["Location"] == f"s3://{bucket}/detections/"
