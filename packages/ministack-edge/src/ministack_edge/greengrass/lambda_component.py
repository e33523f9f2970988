# SPDX-License-Identifier: Apache-2.0
"""A Lambda function's version as a Greengrass component: its recipe, and the code it freezes."""

from __future__ import annotations

import base64
import hashlib
import re

from ministack.services import lambda_svc

from ministack_edge.protocol import AwsError, Document, not_found

RECIPE_VERSION = "2020-01-25"
ARTIFACT = "lambda-artifact.zip"
_LAMBDA_ARN = re.compile(r"arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+:\d+")


def recipe_and_code(function: Document) -> tuple[Document, bytes]:
    """The recipe that Greengrass generates for a Lambda function, and the code it freezes."""
    lambda_arn = function.get("lambdaArn", "")
    if not _LAMBDA_ARN.fullmatch(lambda_arn):
        raise AwsError(
            "ValidationException",
            f"{lambda_arn!r} must name a published version of a Lambda function",
        )
    record, config, name = lambda_svc._get_func_record_for_ref(lambda_arn)
    code = (record or {}).get("code_zip")
    if record is None or config is None or not code:
        raise not_found(f"The Lambda function {lambda_arn} does not exist")
    return recipe_of(function, name=name, config=config, code=code), code


def recipe_of(function: Document, *, name: str, config: Document, code: bytes) -> Document:
    """The generated recipe; ``config`` is what Lambda knows of the function called ``name``."""
    lambda_arn = function["lambdaArn"]
    given = function.get("componentLambdaParameters") or {}
    process = given.get("linuxProcessParams") or {}
    artifact = {
        "Uri": f"greengrass:{ARTIFACT}",
        "Unarchive": "ZIP",
        "Digest": base64.b64encode(hashlib.sha256(code).digest()).decode(),
        "Algorithm": "SHA-256",
        "Permission": {"Read": "OWNER", "Execute": "NONE"},
    }
    platforms = function.get("componentPlatforms") or [{"attributes": {"os": "linux"}}]
    return {
        "RecipeFormatVersion": RECIPE_VERSION,
        "ComponentName": function.get("componentName") or name,
        "ComponentVersion": function.get("componentVersion")
        or f"{lambda_arn.rpartition(':')[2]}.0.0",
        "ComponentType": "aws.greengrass.lambda",
        "ComponentDescription": config.get("Description") or "",
        "ComponentPublisher": "AWS Lambda",
        "ComponentSource": lambda_arn,
        "ComponentConfiguration": {
            "DefaultConfiguration": {
                "lambdaExecutionParameters": {
                    "EnvironmentVariables": given.get("environmentVariables") or {}
                },
                "lambdaHandler": config.get("Handler"),
                "lambdaRuntime": config.get("Runtime"),
                "containerMode": process.get("isolationMode", "GreengrassContainer"),
                "containerParams": process.get("containerParams") or {},
                "pinned": given.get("pinned", True),
                "execArgs": given.get("execArgs") or [],
                "inputPayloadEncodingType": given.get("inputPayloadEncodingType", "json"),
                "maxIdleTimeInSeconds": given.get("maxIdleTimeInSeconds", 60),
                "maxInstancesCount": given.get("maxInstancesCount", 100),
                "maxQueueSize": given.get("maxQueueSize", 1000),
                "statusTimeoutInSeconds": given.get("statusTimeoutInSeconds", 60),
                "timeoutInSeconds": given.get("timeoutInSeconds", 3),
                "pubsubTopics": {
                    str(index): source
                    for index, source in enumerate(given.get("eventSources") or [])
                },
            }
        },
        "ComponentDependencies": {
            "aws.greengrass.LambdaLauncher": {
                "VersionRequirement": ">=2.0.0 <3.0.0",
                "DependencyType": "HARD",
            },
            **{
                key: {
                    "VersionRequirement": value.get("versionRequirement", ""),
                    "DependencyType": value.get("dependencyType", "HARD"),
                }
                for key, value in (function.get("componentDependencies") or {}).items()
            },
        },
        "Manifests": [
            {
                "Platform": platform.get("attributes") or {"os": "linux"},
                "Lifecycle": {},
                "Artifacts": [artifact],
            }
            for platform in platforms
        ],
    }
