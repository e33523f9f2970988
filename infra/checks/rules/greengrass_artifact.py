# SPDX-License-Identifier: Apache-2.0
"""BINSIGHT-GG1: a component's artifacts are pinned by their content."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.rule import Finding, Rule, at
from infra.checks.template import Resource, Template, text

_SHA256 = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_PUBLISHED = re.compile(r":function:[^:]+:\d+$")
COPIES = "Custom::ComponentArtifacts"
"""Copies files that are named by their digest to where a recipe names them by its version."""


def check(template: Template) -> Iterator[Finding]:
    """Artifacts and Lambda code that can change under the same component version."""
    for component in template.of_type("AWS::GreengrassV2::ComponentVersion"):
        if "InlineRecipe" in component.properties:
            yield from _recipe(component, set(_copied(template)))
        if function := component.properties.get("LambdaFunction"):
            yield from _function(template, component, function)


def _copied(template: Template) -> Iterator[str]:
    """The objects that the template itself fills from files named by their digest."""
    for copies in template.of_type(COPIES):
        folder = f"s3://{text(copies.properties['Bucket'])}/{text(copies.properties['Folder'])}"
        for name, source in copies.properties["Files"].items():
            if _SHA256.search(text(source["Key"])):
                yield f"{folder}/{name}"


def _recipe(component: Resource, copied: set[str]) -> Iterator[Finding]:
    path = "Properties.InlineRecipe"
    try:
        recipe = json.loads(text(component.properties["InlineRecipe"]))
    except ValueError:
        yield at(component, path, "the recipe is not JSON, so its artifacts cannot be checked")
        return
    for manifest in recipe.get("Manifests", []):
        for artifact in manifest.get("Artifacts") or []:
            uri = str(artifact.get("Uri") or artifact.get("URI") or "")
            declared = artifact.get("Digest") and artifact.get("Algorithm") == "SHA-256"
            if not declared and uri not in copied and not _SHA256.search(uri):
                yield at(component, path, f"artifact {uri!r} has no SHA-256 digest")


def _function(
    template: Template, component: Resource, function: Mapping[str, Any]
) -> Iterator[Finding]:
    path = "Properties.LambdaFunction.LambdaArn"
    arn = function.get("LambdaArn")
    version = template.referred(arn, "AWS::Lambda::Version")
    if version is None:
        if not _PUBLISHED.search(text(arn)):
            yield at(component, path, f"{text(arn)} is not a published version")
        return
    if "CodeSha256" in version.properties:
        return
    name = version.properties.get("FunctionName")
    code = template.referred(name, "AWS::Lambda::Function")
    where = code.properties.get("Code") if code else None
    if not isinstance(where, Mapping) or not _SHA256.search(
        text(where.get("S3Key") or where.get("ImageUri") or "")
    ):
        yield at(component, path, "the code of this version is not named by its SHA-256 digest")


RULE = Rule(
    id="BINSIGHT-GG1",
    title="A component's artifacts are pinned by their content",
    why="Component versions are immutable but the objects they point to are not: an overwritten "
    "object reaches the next camera that installs the same version.",
    fix="Give the artifact Digest and Algorithm SHA-256, or put the digest into its key, or copy "
    f"it there from an asset with {COPIES}; import a published Lambda version whose code is an "
    "asset.",
    check=check,
)
