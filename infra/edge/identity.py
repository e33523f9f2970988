# SPDX-License-Identifier: Apache-2.0
"""A camera's identity in AWS IoT: its policies, and the template with which it provisions
itself."""

import json
from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_iot as iot
from constructs import Construct

from infra.common.role import Allow, ServiceRole
from infra.common.stack import environment_of
from infra.config.messages_policy import messages_policy
from infra.edge.enrolment import Enrolment
from infra.edge.iot_policies import claim_policy, greengrass_policy

_ANY_CERTIFICATE = (
    "AWS IoT generates a certificate's id when it issues it, so any id must be allowed. Some of "
    "these actions have no resource level, others have had an optional one only recently. AWS "
    "does not document which of them a repeated provisioning of one serial number uses; AWS's own "
    "policy for this role, AWSIoTThingsRegistration, allows all of them and more on everything. "
    "Only AWS IoT can assume the role, and only for this account."
)


class CameraIdentity(Construct):
    """The policies of all cameras, the policy of claim certificates, the provisioning template.

    A camera has two policies, because AWS IoT accepts at most 2,048 characters in one: ``messages``
    is for MQTT, ``greengrass`` for the nucleus's requests over HTTPS. A camera has both.

    A camera that starts with a claim certificate and a serial number becomes the thing
    ``<prefix>-<serial number>``, member of the given groups, with a certificate of its own.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role_alias: iot.CfnRoleAlias,
        thing_type: iot.CfnThingType,
        groups: Sequence[iot.CfnThingGroup],
    ) -> None:
        super().__init__(scope, construct_id)
        self._environment = environment = environment_of(self)
        settings = environment.settings
        self.messages = iot.CfnPolicy(
            self,
            "Policy",
            policy_name=f"{settings.prefix}-camera",
            policy_document=messages_policy(
                environment.region, environment.account, settings.camera.topic_prefix
            ),
        )
        self.greengrass = iot.CfnPolicy(
            self,
            "Greengrass",
            policy_name=f"{settings.prefix}-camera-greengrass",
            policy_document=greengrass_policy(environment, role_alias),
        )
        role = self._provisioning_role(thing_type, groups)
        # AWS IoT accepts 36 characters, and a prefix may have 24.
        name = f"{settings.prefix}-provision"
        self.enrolment = Enrolment(self, "Enrolment", template=name)
        self.template = iot.CfnProvisioningTemplate(
            self,
            "Template",
            template_name=name,
            description=f"Makes a camera of {settings.prefix} from a serial number",
            enabled=True,
            provisioning_role_arn=role.arn,
            template_type="FLEET_PROVISIONING",
            pre_provisioning_hook=iot.CfnProvisioningTemplate.ProvisioningHookProperty(
                payload_version="2020-04-01", target_arn=self.enrolment.hook.function_arn
            ),
            template_body=json.dumps(self._template(thing_type, groups), sort_keys=True),
        )
        # The body refers to them as text, so CloudFormation cannot derive the order.
        known = (self.messages, self.greengrass, thing_type, self.enrolment.permission, *groups)
        for resource in known:
            self.template.add_resource_dependency(resource)
        self.claim_policy = iot.CfnPolicy(
            self,
            "ClaimPolicy",
            policy_name=f"{settings.prefix}-claim",
            policy_document=claim_policy(environment, name),
        )

    def _provisioning_role(
        self, thing_type: iot.CfnThingType, groups: Sequence[iot.CfnThingGroup]
    ) -> ServiceRole:
        prefix = self._environment.settings.prefix
        things = self._environment.arn("iot", f"thing/{prefix}-*")
        named = "Serial numbers are not known at deployment; cameras are named <prefix>-<serial>."
        return ServiceRole(
            self,
            "Provisioning",
            service="iot.amazonaws.com",
            description="Lets AWS IoT create cameras from the provisioning template",
            allow=[
                Allow(
                    actions=[
                        "iot:CreateThing",
                        "iot:DescribeThing",
                        "iot:ListThingGroupsForThing",
                        "iot:UpdateThing",
                    ],
                    resources=[things],
                    why=named,
                ),
                Allow(
                    actions=[
                        "iot:AddThingToThingGroup",
                        "iot:DescribeThingGroup",
                        "iot:UpdateThingGroupsForThing",
                    ],
                    resources=[things, *(group.attr_arn for group in groups)],
                    why=named,
                ),
                Allow(actions=["iot:DescribeThingType"], resources=[thing_type.attr_arn]),
                Allow(
                    actions=[
                        "iot:AttachPolicy",
                        "iot:AttachPrincipalPolicy",
                        "iot:DescribeCertificate",
                        "iot:ListAttachedPolicies",
                        "iot:ListPrincipalPolicies",
                        "iot:ListPrincipalThings",
                        "iot:ListThingPrincipals",
                        "iot:UpdateCertificate",
                    ],
                    resources=["*"],
                    why=_ANY_CERTIFICATE,
                ),
                Allow(
                    actions=["iot:AttachThingPrincipal", "iot:DetachThingPrincipal"],
                    resources=["*"],
                    conditions={"ArnLikeIfExists": {"iot:thingArn": things}},
                    why=_ANY_CERTIFICATE,
                ),
                Allow(
                    actions=["iot:GetPolicy"],
                    resources=[
                        self._environment.arn("iot", f"policy/{policy.policy_name}")
                        for policy in (self.messages, self.greengrass)
                    ],
                ),
            ],
        )

    def _template(
        self, thing_type: iot.CfnThingType, groups: Sequence[iot.CfnThingGroup]
    ) -> dict[str, Any]:
        thing = {
            "Fn::Join": ["", [f"{self._environment.settings.prefix}-", {"Ref": "SerialNumber"}]]
        }
        return {
            "Parameters": {
                "SerialNumber": {"Type": "String"},
                # From the list of expected cameras: the hook fills it in.
                "Site": {"Type": "String", "Default": "unassigned"},
                "AWS::IoT::Certificate::Id": {"Type": "String"},
            },
            "Resources": {
                "thing": {
                    "Type": "AWS::IoT::Thing",
                    "Properties": {
                        "ThingName": thing,
                        "AttributePayload": {
                            "serial": {"Ref": "SerialNumber"},
                            "site": {"Ref": "Site"},
                        },
                        "ThingTypeName": thing_type.thing_type_name,
                        "ThingGroups": [group.thing_group_name for group in groups],
                    },
                    # For a camera that enrols again or rotates its certificate: without these, AWS
                    # IoT refuses it after it became a canary or its site changed.
                    "OverrideSettings": {
                        "AttributePayload": "MERGE",
                        "ThingGroups": "DO_NOTHING",
                        "ThingTypeName": "REPLACE",
                    },
                },
                "certificate": {
                    "Type": "AWS::IoT::Certificate",
                    "Properties": {
                        "CertificateId": {"Ref": "AWS::IoT::Certificate::Id"},
                        "Status": "ACTIVE",
                    },
                },
                **{
                    name: {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": policy}}
                    for name, policy in (
                        ("messages", self.messages.policy_name),
                        ("greengrass", self.greengrass.policy_name),
                    )
                },
            },
        }
