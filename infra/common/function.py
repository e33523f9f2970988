# SPDX-License-Identifier: Apache-2.0
"""Lambda functions: own role, declared log group, code by digest."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.assets.definitions import Bundle
from infra.common.asset import archive_code
from infra.common.compliance import acknowledge
from infra.common.log_group import log_group
from infra.common.permissions import write_logs
from infra.common.role import Allow, ServiceRole

NO_VPC = {
    "NIST.800.53.R5-LambdaInsideVPC": "Calls AWS APIs only and reaches nothing in a VPC; a VPC "
    "would add NAT costs and endpoints without protecting anything.",
}
"""The finding that a function in no VPC accepts, with the reason."""


class Function(Construct):
    """A function with exactly the permissions in ``allow`` and permission to write its own log.

    ``runs`` is False for code that is never invoked in the cloud: its role has no permission.

    ``acknowledged`` are rule findings that this function accepts, with the reasons. ``options`` are
    those of lambda_.Function. Environment variables are encrypted with AWS's own key for Lambda:
    they contain names and numbers, no secrets, and callers then need no grant on the data key.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: Bundle,
        description: str,
        allow: Sequence[Allow] = (),
        acknowledged: Mapping[str, str],
        runs: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(scope, construct_id)
        logs = log_group(self, "Logs")
        own = ServiceRole(
            self,
            "Execution",
            service="lambda.amazonaws.com",
            description=description,
            allow=[write_logs(logs), *allow] if runs else None,
        )
        self.role = own.role
        self.function = lambda_.Function(
            self,
            "Function",
            description=description,
            code=archive_code(code),
            role=own.fixed,
            log_group=logs,
            logging_format=lambda_.LoggingFormat.JSON,
            # What wheels are built for (infra/assets/definitions.py).
            architecture=lambda_.Architecture.X86_64,
            **options,
        )
        acknowledge(self.function, acknowledged)
