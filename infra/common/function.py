# SPDX-License-Identifier: Apache-2.0
"""Lambda functions: own role, declared log group, code by digest."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from infra.common.compliance import acknowledge
from infra.common.log_group import declared_log_group
from infra.common.permissions import write_logs
from infra.common.role import Allow, ServiceRole
from infra.config.settings import Settings


class Function(Construct):
    """A function with exactly the permissions in ``allow``, plus its own logs and traces.

    ``acknowledged`` are rule findings that this function accepts, with the reasons.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        key_arn: str,
        code: s3_assets.Asset,
        description: str,
        handler: str,
        runtime: str,
        memory_mb: int,
        timeout_seconds: int,
        environment: Mapping[str, str],
        allow: Sequence[Allow],
        acknowledged: Mapping[str, str],
        reserved_concurrency: int | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        logs = declared_log_group(self, "Logs", settings=settings, key_arn=key_arn)
        role = ServiceRole(
            self,
            "Execution",
            service="lambda.amazonaws.com",
            description=description,
            allow=[write_logs(logs.attr_arn), *allow],
        )
        self.function = lambda_.CfnFunction(
            self,
            "Function",
            description=description,
            code=lambda_.CfnFunction.CodeProperty(
                s3_bucket=code.s3_bucket_name, s3_key=code.s3_object_key
            ),
            handler=handler,
            runtime=runtime,
            architectures=["x86_64"],
            memory_size=memory_mb,
            timeout=timeout_seconds,
            role=role.arn,
            # Names and numbers, no secrets: AWS's own key for Lambda will do, and nobody needs a
            # grant on the data key to start the function.
            environment=lambda_.CfnFunction.EnvironmentProperty(variables=dict(environment)),
            logging_config=lambda_.CfnFunction.LoggingConfigProperty(
                log_group=logs.ref, log_format="JSON"
            ),
            reserved_concurrent_executions=reserved_concurrency,
        )
        acknowledge(self.function, acknowledged)

    @property
    def arn(self) -> str:
        """The function's ARN."""
        return self.function.attr_arn
