# SPDX-License-Identifier: Apache-2.0
"""A camera's permissions in AWS: the token exchange role and its alias."""

from collections.abc import Sequence

from aws_cdk import aws_iot as iot
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.common.log_group import log_group
from infra.common.permissions import read_objects, use_data_key
from infra.common.role import Allow, ServiceRole
from infra.common.stack import environment_of

COMPONENTS_PREFIX = "components"
"""Folder of the artifacts bucket that holds what cameras download."""
OWN_NAME = "${credentials-iot:ThingName}"
"""AWS IoT fills it in when it issues credentials."""


class TokenExchange(Construct):
    """Temporary credentials for cameras: read component artifacts, write their components' logs.

    If captures are uploaded, a camera may also write them, only below its own name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        artifacts: s3.IBucket,
        captures: s3.IBucket,
        components: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        environment = environment_of(self)
        alias_name = f"{environment.settings.prefix}-cameras"
        # The log manager writes to fixed names; declared here, they are encrypted and expire.
        names = {
            component: f"/aws/greengrass/UserComponent/{environment.region}/{component}"
            for component in components
        }
        groups = [
            log_group(self, f"{component.rsplit('.', 1)[-1]}Logs", name=name)
            for component, name in names.items()
        ]
        self.role = ServiceRole(
            self,
            "Role",
            service="credentials.iot.amazonaws.com",
            description="Permissions of the cameras in AWS",
            trust_when={
                "StringEquals": {"aws:SourceAccount": environment.account},
                "ArnEquals": {"aws:SourceArn": environment.arn("iot", f"rolealias/{alias_name}")},
            },
            allow=[
                read_objects(artifacts, [f"{COMPONENTS_PREFIX}/*"]),
                # The Java nucleus requests the bucket's location before it reads from it.
                Allow(actions=["s3:GetBucketLocation"], resources=[artifacts.bucket_arn]),
                use_data_key(self, ["s3"], actions=["kms:Decrypt"]),
                Allow(
                    # The log manager requests creation of the group before it creates its first
                    # stream.
                    actions=[
                        "logs:CreateLogGroup",
                        "logs:CreateLogStream",
                        "logs:DescribeLogStreams",
                        "logs:PutLogEvents",
                    ],
                    # CreateLogGroup and DescribeLogStreams apply to the group itself (service
                    # authorization reference), the others to its streams.
                    resources=[
                        *(group.log_group_arn for group in groups),
                        *(environment.arn("logs", f"log-group:{name}") for name in names.values()),
                    ],
                    why="The wildcard is the log stream, one per camera and day; the log groups "
                    "are those of this environment's two components.",
                ),
                *(self._uploads(captures) if environment.settings.camera.uploads else []),
            ],
        )
        self.alias = iot.CfnRoleAlias(
            self,
            "Alias",
            role_alias=alias_name,
            role_arn=self.role.arn,
            credential_duration_seconds=3600,
        )

    def _uploads(self, captures: s3.IBucket) -> list[Allow]:
        return [
            Allow(
                actions=["s3:PutObject"],
                resources=[captures.arn_for_objects(f"{OWN_NAME}/*")],
                why="A capture is named by the time it was taken; the folder is the camera's own "
                "name, which AWS IoT fills in from its certificate.",
            ),
            use_data_key(self, ["s3"], actions=["kms:GenerateDataKey"]),
        ]
