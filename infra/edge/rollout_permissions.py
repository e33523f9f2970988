# SPDX-License-Identifier: Apache-2.0
"""What the rollout function may do: read approved models, write components, deploy them."""

from collections.abc import Sequence

from infra.common.permissions import read_objects, use_key, write_objects
from infra.common.role import Allow
from infra.edge.token_exchange import COMPONENTS_PREFIX

MODELS_PREFIX = "models"


def rollout_permissions(
    *,
    region: str,
    account: str,
    key_arn: str,
    artifacts_arn: str,
    model_package_group: str,
    model_component: str,
    group_arns: Sequence[str],
) -> list[Allow]:
    """The statements of the rollout function's role."""
    greengrass = f"arn:aws:greengrass:{region}:{account}"
    sagemaker = f"arn:aws:sagemaker:{region}:{account}"
    jobs = f"arn:aws:iot:{region}:{account}:job/*"
    return [
        Allow(
            actions=["sagemaker:DescribeModelPackage"],
            on=[f"{sagemaker}:model-package/{model_package_group}/*"],
            why="SageMaker numbers the versions within this one model package group.",
        ),
        # It copies the very version of an archive whose digest it has taken.
        read_objects(artifacts_arn, [f"{MODELS_PREFIX}/*"], versions=True),
        read_objects(artifacts_arn, [f"{COMPONENTS_PREFIX}/*"]),
        write_objects(artifacts_arn, [f"{COMPONENTS_PREFIX}/*"]),
        use_key(key_arn, region, ["s3"]),
        # A version is made of the component, whose ARN ends with its name.
        Allow(
            actions=["greengrass:CreateComponentVersion"],
            on=[f"{greengrass}:components:{model_component}"],
        ),
        Allow(
            actions=["greengrass:DescribeComponent"],
            on=[f"{greengrass}:components:{model_component}:versions:*"],
            why="Versions of the model component follow from the content of models to come.",
        ),
        Allow(
            actions=["greengrass:CancelDeployment", "greengrass:GetDeployment"],
            on=[f"{greengrass}:deployments:*"],
            why="Greengrass makes up a deployment's id when it is created.",
        ),
        Allow(
            actions=["greengrass:CreateDeployment", "greengrass:ListDeployments"],
            on=["*"],
            why="Neither action has a resource level (service authorization reference); what a "
            "deployment may target is limited by the thing groups in the next statement.",
        ),
        Allow(
            actions=["iot:CreateJob", "iot:DescribeThingGroup", "iot:ListThingsInThingGroup"],
            on=list(group_arns),
        ),
        Allow(
            # Greengrass calls AWS IoT Jobs in the caller's name for each deployment.
            actions=["iot:CancelJob", "iot:CreateJob", "iot:DescribeJob", "iot:UpdateJob"],
            on=[jobs],
            why="Greengrass makes up the id of the job behind a deployment.",
        ),
    ]
