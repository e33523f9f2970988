# SPDX-License-Identifier: Apache-2.0
"""What a camera may do in AWS with its certificate: the token exchange role and its alias."""

from collections.abc import Sequence

from aws_cdk import aws_iot as iot
from constructs import Construct

from infra.common.log_group import declared_log_group
from infra.common.permissions import read_objects, use_key
from infra.common.role import Allow, ServiceRole
from infra.config.settings import Settings

COMPONENTS_PREFIX = "components"
"""Folder of the artifacts bucket that holds what cameras download."""
OWN_NAME = "${credentials-iot:ThingName}"
"""Filled in by AWS IoT when it hands out the credentials."""


class TokenExchange(Construct):
    """Temporary credentials for cameras: read component artifacts, write their components' logs.

    Where captures are uploaded, a camera writes them too, below its own name only.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        key_arn: str,
        artifacts_arn: str,
        captures_arn: str,
        components: Sequence[str],
    ) -> None:
        super().__init__(scope, construct_id)
        alias_name = f"{settings.prefix}-cameras"
        account, region = settings.account, settings.region
        # The log manager writes to fixed names; declared here, they are encrypted and expire.
        log_names = {name: f"/aws/greengrass/UserComponent/{region}/{name}" for name in components}
        groups = [
            declared_log_group(
                self,
                f"{name.rsplit('.', 1)[-1]}Logs",
                settings=settings,
                key_arn=key_arn,
                name=log_name,
            )
            for name, log_name in log_names.items()
        ]
        self.role = ServiceRole(
            self,
            "Role",
            service="credentials.iot.amazonaws.com",
            description="What the cameras may do in AWS",
            trust_when={
                "StringEquals": {"aws:SourceAccount": account},
                "ArnEquals": {
                    "aws:SourceArn": f"arn:aws:iot:{region}:{account}:rolealias/{alias_name}"
                },
            },
            allow=[
                read_objects(artifacts_arn, [f"{COMPONENTS_PREFIX}/*"]),
                # The Java nucleus asks where the bucket is before it reads anything from it.
                Allow(actions=["s3:GetBucketLocation"], on=[artifacts_arn]),
                use_key(key_arn, region, ["s3"], actions=["kms:Decrypt"]),
                Allow(
                    # The log manager asks to create the group before it makes its first stream.
                    actions=[
                        "logs:CreateLogGroup",
                        "logs:CreateLogStream",
                        "logs:DescribeLogStreams",
                        "logs:PutLogEvents",
                    ],
                    # CreateLogGroup and DescribeLogStreams are rights on the group itself (service
                    # authorization reference), the others on its streams.
                    on=[
                        *(group.attr_arn for group in groups),
                        *(
                            f"arn:aws:logs:{region}:{account}:log-group:{name}"
                            for name in log_names.values()
                        ),
                    ],
                    why="The wildcard is the log stream, one per camera and day; the log groups "
                    "are those of this environment's two components.",
                ),
                *(_uploads(settings, key_arn, captures_arn) if settings.camera.uploads else []),
            ],
        )
        self.alias = iot.CfnRoleAlias(
            self,
            "Alias",
            role_alias=alias_name,
            role_arn=self.role.arn,
            credential_duration_seconds=3600,
        )


def _uploads(settings: Settings, key_arn: str, captures_arn: str) -> list[Allow]:
    return [
        Allow(
            actions=["s3:PutObject"],
            on=[f"{captures_arn}/{OWN_NAME}/*"],
            why="A capture is named by the time it was taken; the folder is the camera's own name, "
            "which AWS IoT fills in from its certificate.",
        ),
        use_key(key_arn, settings.region, ["s3"], actions=["kms:GenerateDataKey"]),
    ]
