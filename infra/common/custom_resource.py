# SPDX-License-Identifier: Apache-2.0
"""A function that CloudFormation calls, and the one custom resource that it implements."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.assets.definitions import Bundle
from infra.common.function import NO_VPC, Function
from infra.common.role import Allow

_CALLED_ONCE = "Called by CloudFormation when the resource is made, changed or deleted, "
_ACKNOWLEDGED = {
    "NIST.800.53.R5-LambdaConcurrency": _CALLED_ONCE + "one call at a time; a reservation could "
    "not be made in a new account, where AWS allows 10 concurrent executions in all.",
    "NIST.800.53.R5-LambdaDLQ": _CALLED_ONCE + "which waits for its answer and reports a failure.",
    **NO_VPC,
}


class CustomResourceFunction(Function):
    """``resource`` is a ``Custom::`` resource that the bundle's handler creates and deletes.

    The bundle ``x`` has its handler in ``x_handler.py`` (contracts/custom_resource.py answers).
    """

    def __init__(  # noqa: PLR0913 - a function's and a resource's, in one
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: Bundle,
        description: str,
        timeout: cdk.Duration,
        allow: Sequence[Allow],
        resource_type: str,
        properties: Mapping[str, Any],
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            code=code,
            description=description,
            handler=f"{code.name}_handler.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            memory_size=256,
            timeout=timeout,
            allow=allow,
            acknowledged=_ACKNOWLEDGED,
        )
        self.resource = cdk.CustomResource(
            self,
            "Resource",
            resource_type=resource_type,
            service_token=self.function.function_arn,
            properties=dict(properties),
        )
