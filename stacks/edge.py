# SPDX-License-Identifier: Apache-2.0
"""The cameras: their group, their program, and how models reach them."""

from aws_cdk import aws_events as events
from aws_cdk import aws_iot as iot
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.common.stack import EnvironmentStack
from infra.edge.component import CameraProgram
from infra.edge.generic_component import GenericComponent
from infra.edge.lambda_component import LambdaComponent
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
    sqs.CfnQueuePolicy,
)
"""Resources that nothing else in the stack refers to; together with the deployment they refer to
all others."""


class EdgeStack(EnvironmentStack):
    """Greengrass group, camera program, runtime deployment, model rollout."""

    purpose = "the Greengrass group, the camera program, and the rollout of models"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        data: DataStack,
        training: TrainingStack,
    ) -> None:
        super().__init__(scope, construct_id, settings=data.settings, key_arn=data.key_arn)
        self.add_stack_dependency(data)
        artifacts = data.artifacts.imported(self, "Artifacts")
        captures = data.captures.imported(self, "Captures")
        group = GreengrassGroup(self, "Group", artifacts=artifacts, captures=captures)
        inference = self._program(group.inference_component, artifacts, captures)
        rollout = ModelRollout(
            self,
            "Rollout",
            artifacts=artifacts,
            model_package_group=training.model_package_group,
            group=group,
        )
        runtime = RuntimeDeployment(
            self,
            "Runtime",
            group=group.runtime,
            inference=inference,
            model_component=group.model_component,
        )
        self._deploy_last(runtime)
        self.rollout_arn = self.export(rollout.state_machine.state_machine_arn)
        self.start_rules = {rollout.start.node.id: self.export(rollout.start.rule_name)}
        self.failed_starts = self.export(rollout.failed_starts.queue.queue_name)
        self._outputs(group, inference, rollout)
        self.state_deletion_policies()

    def _deploy_last(self, runtime: RuntimeDeployment) -> None:
        """Replace the deployment after everything else in an update has succeeded.

        A replaced deployment cannot be restored: creating the new one cancelled its job, so new
        cameras would get nothing from it.
        """
        for resource in self.node.find_all():
            if isinstance(resource, ENDS):
                runtime.deployment.add_resource_dependency(resource)

    def _program(self, name: str, artifacts: s3.IBucket, captures: s3.IBucket) -> CameraProgram:
        """The camera program, packaged as the settings say."""
        if self.settings.camera.packaging == "generic":
            return GenericComponent(
                self, "Inference", component_name=name, captures=captures, artifacts=artifacts
            )
        return LambdaComponent(self, "Inference", component_name=name, captures=captures)

    def _outputs(
        self, group: GreengrassGroup, inference: CameraProgram, rollout: ModelRollout
    ) -> None:
        prefix = self.settings.prefix
        state_machine = rollout.state_machine.state_machine_arn
        self.output("RuntimeThingGroup", f"{prefix}-runtime", "Every camera is in this group")
        self.output("CanaryThingGroup", f"{prefix}-model-canary", "Gets a new model first")
        self.output(
            "FleetThingGroup", f"{prefix}-model-fleet", "Gets a new model after the canaries"
        )
        self.output("ThingType", f"{prefix}-camera", "The type of every camera")
        self.output("InferenceComponent", inference.name, "The camera program")
        self.output("InferenceComponentVersion", inference.version, "What cameras should run")
        self.output(
            "ModelComponent", group.model_component, "The component that contains the model"
        )
        self.output("RolloutStateMachineArn", state_machine, "Rolls models out to cameras")
        self.output("RoleAlias", group.tokens.alias.ref, "How cameras get AWS credentials")
        self.output(
            "ProvisioningTemplate",
            group.identity.template.ref,
            "Provisioning template for new cameras",
        )
        self.output("CameraPolicy", group.identity.messages.ref, "MQTT permissions of every camera")
        self.output(
            "CameraGreengrassPolicy",
            group.identity.greengrass.ref,
            "HTTPS permissions of its nucleus",
        )
        self.output(
            "CamerasTable",
            group.identity.enrolment.table.table_name,
            "Boxes that may become cameras",
        )
        self.output(
            "ClaimPolicy", group.identity.claim_policy.ref, "Permissions of a claim certificate"
        )
