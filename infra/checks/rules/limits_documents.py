# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-LIM4: no document is larger than its service accepts."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from infra.checks.longest import json_size, longest
from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Resource, Template, text
from infra.config.limits import (
    CUSTOM_METADATA,
    CUSTOM_METADATA_VALUE,
    DEPLOYMENT,
    LAMBDA_ENVIRONMENT,
    PIPELINE_DEFINITION,
    PROVISIONING_TEMPLATE,
    RECIPE,
    STATE_MACHINE_DEFINITION,
    Limit,
)

_Pick = Callable[[Resource], Any]
_SIZES: tuple[tuple[str, str, Limit, _Pick], ...] = (
    (
        "AWS::Lambda::Function",
        "Environment.Variables",
        LAMBDA_ENVIRONMENT,
        lambda one: (one.properties.get("Environment") or {}).get("Variables"),
    ),
    (
        "AWS::StepFunctions::StateMachine",
        "DefinitionString",
        STATE_MACHINE_DEFINITION,
        lambda one: one.properties.get("DefinitionString") or one.properties.get("Definition"),
    ),
    (
        "AWS::SageMaker::Pipeline",
        "PipelineDefinition",
        PIPELINE_DEFINITION,
        lambda one: (one.properties.get("PipelineDefinition") or {}).get("PipelineDefinitionBody"),
    ),
    (
        "AWS::GreengrassV2::ComponentVersion",
        "InlineRecipe",
        RECIPE,
        lambda one: one.properties.get("InlineRecipe"),
    ),
    (
        # Greengrass generates the recipe of an imported function; it is no longer than this.
        "AWS::GreengrassV2::ComponentVersion",
        "LambdaFunction",
        RECIPE,
        lambda one: one.properties.get("LambdaFunction"),
    ),
    (
        "AWS::GreengrassV2::Deployment",
        "Components",
        DEPLOYMENT,
        lambda one: one.properties.get("Components"),
    ),
    (
        "AWS::IoT::ProvisioningTemplate",
        "TemplateBody",
        PROVISIONING_TEMPLATE,
        lambda one: one.properties.get("TemplateBody"),
    ),
)
"""By type: the property, its limit, and the function that measures it."""


def check(template: Template) -> Iterator[Finding]:
    """Documents that are too large, and custom metadata that a model package would refuse."""
    for type_, key, limit, pick in _SIZES:
        for resource in template.of_type(type_):
            document = pick(resource)
            size = json_size(template, document) if document is not None else 0
            if size > limit.most:
                yield at(resource, f"Properties.{key}", f"{size:,}: {limit}")
    for pipeline in template.of_type("AWS::SageMaker::Pipeline"):
        yield from _metadata(template, pipeline)


def _metadata(template: Template, pipeline: Resource) -> Iterator[Finding]:
    body = (pipeline.properties.get("PipelineDefinition") or {}).get("PipelineDefinitionBody")
    try:
        document = json.loads(longest(template, body))
    except (TypeError, ValueError):
        return  # in S3, or not plain text
    for step, properties in _packages(document):
        path = f"Properties.PipelineDefinition.{step}.CustomerMetadataProperties"
        if len(properties) > CUSTOM_METADATA.most:
            yield at(pipeline, path, f"{len(properties)}: {CUSTOM_METADATA}")
        for name, value in properties.items():
            if isinstance(value, str) and len(value) > CUSTOM_METADATA_VALUE.most:
                yield at(pipeline, path, f"{name}: {len(value)}: {CUSTOM_METADATA_VALUE}")
            if _foreign(value):
                detail = (
                    f"{name} is {text(value)}, which may hold characters that SageMaker refuses"
                )
                yield at(pipeline, path, f"{detail}: {CUSTOM_METADATA_VALUE}")


def _packages(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every step with custom metadata, including those in branches of conditions."""
    if isinstance(value, Mapping):
        arguments = value.get("Arguments")
        if isinstance(arguments, Mapping) and "CustomerMetadataProperties" in arguments:
            yield str(value.get("Name")), arguments["CustomerMetadataProperties"]
        for one in value.values():
            yield from _packages(one)
    elif isinstance(value, list):
        for one in value:
            yield from _packages(one)


def _foreign(value: Any) -> bool:
    """Whether a property is a parameter of the execution, which may be any text."""
    return isinstance(value, Mapping) and str(value.get("Get", "")).startswith("Parameters.")


RULE = Rule(
    id="BINSIGHT-LIM4",
    title="No document is larger than its service accepts",
    why="Settings grow into environment variables, recipes and deployments; the services refuse "
    "documents that are too large at deployment, or in the last step of a training that was "
    "already paid for.",
    fix="Shorten the settings, or provide the text as a file in S3.",
    check=check,
)
