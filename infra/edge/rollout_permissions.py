# SPDX-License-Identifier: Apache-2.0
"""The permissions of the rollout function: read approved models, write components, deploy them."""

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
        # It copies exactly the version of an archive whose digest it computed.
        read_objects(artifacts, [f"{MODELS_PREFIX}/*"], versions=True),
        read_objects(artifacts, [f"{COMPONENTS_PREFIX}/*"]),
        write_objects(artifacts, [f"{COMPONENTS_PREFIX}/*"], in_parts=False),
        use_data_key(group, ["dynamodb", "s3"]),
        Allow(
            actions=["cloudformation:DescribeStacks"],
            resources=[environment.arn("cloudformation", f"stack/{insights}/*")],
            why="CloudFormation generates a stack's id. The stack is deployed after this one and "
            "has the latest-state table's name among its outputs.",
        ),
        Allow(
            actions=["dynamodb:BatchGetItem"],
            resources=[environment.arn("dynamodb", f"table/{insights}-LatestState*")],
            why="CloudFormation generates the end of the table's name, in a stack that is "
            "deployed after this one; the beginning is known from the stack and the resource.",
        ),
        # A version is created on the component, whose ARN ends with its name.
        Allow(
            actions=["greengrass:CreateComponentVersion"],
            resources=[environment.arn("greengrass", component)],
        ),
        Allow(
            actions=["greengrass:DescribeComponent"],
            resources=[environment.arn("greengrass", f"{component}:versions:*")],
            why="Versions of the model component depend on the content of future models.",
        ),
        Allow(
            actions=["greengrass:CancelDeployment", "greengrass:GetDeployment"],
            resources=[environment.arn("greengrass", "deployments:*")],
            why="Greengrass generates a deployment's id when it creates it.",
        ),
        Allow(
            actions=["greengrass:ListInstalledComponents"],
            resources=[environment.arn("greengrass", "coreDevices:*")],
            why="Cameras join after the deployment; the bake reads which components run on the "
            "canaries.",
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
            why="Greengrass generates the id of a deployment's job.",
        ),
    ]
