# SPDX-License-Identifier: Apache-2.0
"""The Greengrass V2 counterpart of a group: thing groups, identity, and how a camera joins."""

from aws_cdk import aws_iot as iot
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.common.stack import environment_of
from infra.config.retention import keep
from infra.edge.identity import CameraIdentity
from infra.edge.token_exchange import TokenExchange


class GreengrassGroup(Construct):
    """The cameras of an environment.

    A camera is in ``runtime``, which CloudFormation deploys to, and in one of ``canary`` and
    ``fleet``, which the model rollout deploys to. Each group has that one owner, because a second
    deployment to a group silently replaces the first (docs/adr/0002).
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        artifacts: s3.IBucket,
        captures: s3.IBucket,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = environment_of(self).settings
        prefix = self._settings.prefix
        self.inference_component = f"{prefix}.Inference"
        self.model_component = f"{prefix}.Model"

        self.thing_type = iot.CfnThingType(
            self,
            "Camera",
            thing_type_name=f"{prefix}-camera",
            thing_type_properties=iot.CfnThingType.ThingTypePropertiesProperty(
                thing_type_description=f"A camera of {prefix} that sorts trash",
                searchable_attributes=["site"],
            ),
        )
        keep(self.thing_type, self._settings)
        self.runtime = self._group("Runtime", f"{prefix}-runtime", "the camera program")
        self.canary = self._group("Canary", f"{prefix}-model-canary", "models first")
        self.fleet = self._group("Fleet", f"{prefix}-model-fleet", "models after the canaries")
        self.tokens = TokenExchange(
            self,
            "Tokens",
            artifacts=artifacts,
            captures=captures,
            components=[self.inference_component, self.model_component],
        )
        self.identity = CameraIdentity(
            self,
            "Identity",
            role_alias=self.tokens.alias,
            thing_type=self.thing_type,
            groups=[self.runtime, self.fleet],
        )

    def _group(self, construct_id: str, name: str, gets: str) -> iot.CfnThingGroup:
        group = iot.CfnThingGroup(
            self,
            construct_id,
            thing_group_name=name,
            thing_group_properties=iot.CfnThingGroup.ThingGroupPropertiesProperty(
                thing_group_description=f"Cameras that get {gets}"
            ),
        )
        # A group that is created again would be empty: membership is not in the template.
        keep(group, self._settings)
        return group
