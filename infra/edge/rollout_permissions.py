# SPDX-License-Identifier: Apache-2.0
"""What the rollout function may do: read approved models, write components, deploy them."""

from aws_cdk import aws_s3 as s3

from infra.common.permissions import read_objects, use_data_key, write_objects
from infra.common.role import Allow
from infra.common.stack import environment_of
from infra.edge.thing_groups import GreengrassGroup
from infra.edge.token_exchange import COMPONENTS_PREFIX

MODELS_PREFIX = "models"


def insights_stack(prefix: str) -> str:
    """Name of the environment's stack that keeps the cameras' latest messages."""
    return f"{prefix}-insights"


def rollout_permissions(
    group: GreengrassGroup, *, artifacts: s3.IBucket, model_package_group: str
) -> list[Allow]:
    """The statements of the role of the function that rolls models out to the group's cameras."""
    environment = environment_of(group)
    insights = insights_stack(environment.settings.prefix)
    component = f"components:{group.model_component}"
    return [
        Allow(
            actions=["sagemaker:DescribeModelPackage"],
            resources=[environment.arn("sagemaker", f"model-package/{model_package_group}/*")],
            why="SageMaker numbers the versions within this one model package group.",
        ),
        # It copies the very version of an archive whose digest it has taken.
        read_objects(artifacts, [f"{MODELS_PREFIX}/*"], versions=True),
        read_objects(artifacts, [f"{COMPONENTS_PREFIX}/*"]),
        write_objects(artifacts, [f"{COMPONENTS_PREFIX}/*"]),
        use_data_key(group, ["dynamodb", "s3"]),
        Allow(
            actions=["cloudformation:DescribeStacks"],
            resources=[environment.arn("cloudformation", f"stack/{insights}/*")],
            why="CloudFormation makes up a stack's id. The stack is deployed after this one and "
            "has the latest-state table's name among its outputs.",
        ),
        Allow(
            actions=["dynamodb:BatchGetItem"],
            resources=[environment.arn("dynamodb", f"table/{insights}-LatestState*")],
            why="CloudFormation makes up the end of the table's name, in a stack that is deployed "
            "after this one; the beginning is the stack's and the resource's.",
        ),
        # A version is made of the component, whose ARN ends with its name.
        Allow(
            actions=["greengrass:CreateComponentVersion"],
            resources=[environment.arn("greengrass", component)],
        ),
        Allow(
            actions=["greengrass:DescribeComponent"],
            resources=[environment.arn("greengrass", f"{component}:versions:*")],
            why="Versions of the model component follow from the content of models to come.",
        ),
        Allow(
            actions=["greengrass:CancelDeployment", "greengrass:GetDeployment"],
            resources=[environment.arn("greengrass", "deployments:*")],
            why="Greengrass makes up a deployment's id when it is created.",
        ),
        Allow(
            actions=["greengrass:ListInstalledComponents"],
            resources=[environment.arn("greengrass", "coreDevices:*")],
            why="Cameras join after the deployment; the bake looks at what runs on the canaries.",
        ),
        Allow(
            actions=[
                "greengrass:CreateDeployment",
                "greengrass:ListCoreDevices",
                "greengrass:ListDeployments",
            ],
            resources=["*"],
            why="None of these has a resource level (service authorization reference); what a "
            "deployment may target is limited by the thing groups in the next statement.",
        ),
        Allow(
            actions=["iot:CreateJob", "iot:DescribeThingGroup", "iot:ListThingsInThingGroup"],
            resources=[group.canary.attr_arn, group.fleet.attr_arn],
        ),
        Allow(
            # Greengrass calls AWS IoT Jobs in the caller's name for each deployment.
            actions=["iot:CancelJob", "iot:CreateJob", "iot:DescribeJob", "iot:UpdateJob"],
            resources=[environment.arn("iot", "job/*")],
            why="Greengrass makes up the id of the job behind a deployment.",
        ),
    ]
