# SPDX-License-Identifier: Apache-2.0
"""The cameras: their group, their program, and how models reach them."""

from aws_cdk import aws_events as events
from aws_cdk import aws_iot as iot
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.common.stack import EnvironmentStack
from infra.config.settings import Settings
from infra.edge.component import CameraProgram
from infra.edge.generic_component import GenericComponent
from infra.edge.lambda_component import InferenceComponent
from infra.edge.rollout import ModelRollout
from infra.edge.runtime_deployment import RuntimeDeployment
from infra.edge.thing_groups import GreengrassGroup
from stacks.data import DataStack
from stacks.training import TrainingStack

ENDS = (
    events.CfnRule,
    iot.CfnPolicy,
    iot.CfnProvisioningTemplate,
    iot.CfnThingType,
    logs.CfnLogGroup,
)
"""What the stack ends in: whatever else is in it, one of these refers to, or the deployment."""


class EdgeStack(EnvironmentStack):
    """Greengrass group, camera program, runtime deployment, model rollout."""

    purpose = "the Greengrass group, the camera program, and the rollout of models"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        data: DataStack,
        training: TrainingStack,
    ) -> None:
        super().__init__(scope, construct_id, settings=settings, key_arn=data.key_arn)
        self.add_stack_dependency(data)
        group = GreengrassGroup(
            self,
            "Group",
            settings=settings,
            key_arn=data.key_arn,
            artifacts_arn=data.artifacts.arn,
            captures_arn=data.captures.arn,
        )
        inference = self._program(data, group.inference_component)
        rollout = ModelRollout(
            self,
            "Rollout",
            settings=settings,
            key_arn=data.key_arn,
            artifacts_bucket=data.artifacts.name,
            artifacts_arn=data.artifacts.arn,
            model_package_group=training.model_package_group,
            group=group,
        )
        runtime = RuntimeDeployment(
            self,
            "Runtime",
            settings=settings,
            group_arn=group.runtime.attr_arn,
            inference=inference,
            model_component=group.model_component,
        )
        self._deploy_last(runtime)
        self.rollout_arn = self.share(rollout.state_machine.ref)
        self.start_rules = {rollout.start.node.id: self.share(rollout.start.ref)}
        self._outputs(group, inference, rollout)
        self.state_deletion_policies()

    def _deploy_last(self, runtime: RuntimeDeployment) -> None:
        """Replace the deployment when all else of an update has succeeded.

        A replaced deployment cannot be rolled back to: its job was cancelled when the new one was
        made, and new cameras would get nothing from it.
        """
        for resource in self.node.find_all():
            if isinstance(resource, ENDS):
                runtime.deployment.add_resource_dependency(resource)

    def _program(self, data: DataStack, name: str) -> CameraProgram:
        """The camera program, packaged as the settings say."""
        if self.settings.camera.packaging == "generic":
            return GenericComponent(
                self,
                "Inference",
                settings=self.settings,
                component_name=name,
                captures_bucket=data.captures.name,
                artifacts_bucket=data.artifacts.name,
                artifacts_arn=data.artifacts.arn,
            )
        return InferenceComponent(
            self,
            "Inference",
            settings=self.settings,
            component_name=name,
            captures_bucket=data.captures.name,
        )

    def _outputs(
        self, group: GreengrassGroup, inference: CameraProgram, rollout: ModelRollout
    ) -> None:
        prefix = self.settings.prefix
        self.output("RuntimeThingGroup", f"{prefix}-runtime", "Every camera is in this group")
        self.output("CanaryThingGroup", f"{prefix}-model-canary", "Gets a new model first")
        self.output("FleetThingGroup", f"{prefix}-model-fleet", "Gets it after the canaries")
        self.output("ThingType", f"{prefix}-camera", "The type of every camera")
        self.output("InferenceComponent", inference.name, "The camera program")
        self.output("InferenceComponentVersion", inference.version, "What cameras should run")
        self.output("ModelComponent", group.model_component, "The model, as the rollout names it")
        self.output("RolloutStateMachineArn", rollout.state_machine.ref, "Takes models to cameras")
        self.output("RoleAlias", group.tokens.alias.ref, "How cameras get AWS credentials")
        self.output("ProvisioningTemplate", group.identity.template.ref, "How a camera joins")
        self.output("CameraPolicy", group.identity.messages.ref, "What every camera may say")
        self.output(
            "CameraGreengrassPolicy", group.identity.greengrass.ref, "What its nucleus may ask"
        )
        self.output("ClaimPolicy", group.identity.claim_policy.ref, "What a claim certificate may")
