# SPDX-License-Identifier: Apache-2.0
"""How a nucleus reads a recipe: which manifest it takes, and what a nucleus lite stumbles over.

A real nucleus lite skips, cuts off or empties much in silence and may still report success. Here
each of that is an error, so that a rehearsal ends where a roof would go dark. Written from what was
observed, not from contracts/recipes.py: the two check each other.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from rehearsal.errors import RehearsalError

Nucleus = Literal["java", "lite"]
LAMBDA = "aws.greengrass.lambda"
"""The type of a component that is a Lambda function."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "aarch64", "arm64": "aarch64"}
"""Greengrass' names of this machine's processor."""

_RECIPE_BYTES, _RECIPE_VALUES, _VALUE_CHARACTERS = 8200, 255, 1000
_DOCUMENT_BYTES = 5000
_STEPS = {"install", "startup", "run"}
_NEVER_RUN = {"shutdown", "recover"}
_HANG = {"aws.greengrass.NucleusLite", "aws.greengrass.Cli"}
_RANGE = re.compile(r"(?:[<>]=?|=)?\d+(?:\.\d+){2}(?: (?:[<>]=?|=)?\d+(?:\.\d+){2})*")


def chosen_manifest(
    recipe: Mapping[str, Any], *, nucleus: Nucleus, architecture: str
) -> Mapping[str, Any]:
    """The first manifest that this nucleus takes on a processor (amd64, aarch64).

    Raises RehearsalError when there is none.
    """
    mine = "aws_nucleus_lite" if nucleus == "lite" else "aws_nucleus_classic"
    for manifest in recipe.get("Manifests", []):
        platform = manifest.get("Platform", {})
        runtime = platform.get("runtime", None if nucleus == "lite" else "*")
        system = platform.get("os", None if nucleus == "lite" else "*")
        if (
            runtime in {"*", mine}
            and system in {"linux", "*", "all"}
            and platform.get("architecture", "*") in {"*", architecture}
        ):
            return dict(manifest)
    raise RehearsalError(
        f"{recipe.get('ComponentName')}: no manifest for linux, {architecture}, {mine}"
    )


def require_lite(recipe: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
    """Raise RehearsalError for what a nucleus lite would not do as the recipe says."""
    faults = [*_recipe_faults(recipe), *_manifest_faults(manifest)]
    if faults:
        raise RehearsalError(f"{recipe.get('ComponentName')} on nucleus lite: {'; '.join(faults)}")


def require_document(document: Mapping[str, Any]) -> None:
    """Raise RehearsalError for a job's document that does not fit into a nucleus lite's buffer."""
    size = len(json.dumps(document, separators=(",", ":")))
    if size > _DOCUMENT_BYTES:
        raise RehearsalError(
            f"a deployment of {size} bytes on nucleus lite: it takes up to {_DOCUMENT_BYTES}"
        )


def require_values(name: str, configuration: Mapping[str, Any]) -> None:
    """Raise RehearsalError for a configuration value that a nucleus lite cannot hold."""
    for path, value in leaves(configuration):
        if len(json.dumps(value)) > _VALUE_CHARACTERS:
            raise RehearsalError(
                f"{name} on nucleus lite: configuration {path}: over {_VALUE_CHARACTERS} characters"
            )


def _recipe_faults(recipe: Mapping[str, Any]) -> Iterator[str]:
    if len(json.dumps(recipe).encode()) > _RECIPE_BYTES:
        yield f"the recipe is over {_RECIPE_BYTES} bytes: it cannot be opened"
    if sum(1 for _ in leaves(recipe)) > _RECIPE_VALUES:
        yield f"the recipe has over {_RECIPE_VALUES} values"
    if not str(recipe.get("ComponentDescription", "")).strip():
        yield "no ComponentDescription: the next line of the unit file is taken for it"
    for name, dependency in (recipe.get("ComponentDependencies") or {}).items():
        if name in _HANG:
            yield f"a dependency on {name} never starts"
        if dependency.get("DependencyType") not in {"HARD", "SOFT"}:
            yield f"the dependency on {name} has no DependencyType: there is none then"
        if not _RANGE.fullmatch(str(dependency.get("VersionRequirement", ""))):
            yield f"the dependency on {name} has a version range that never matches"


def _manifest_faults(manifest: Mapping[str, Any]) -> Iterator[str]:
    if "Artifacts" not in manifest:
        yield "the manifest has no key Artifacts"
    for artifact in manifest.get("Artifacts") or []:
        if artifact.get("Unarchive", "NONE") not in {"NONE", "ZIP"}:
            yield f"artifact {artifact.get('Uri')}: Unarchive {artifact['Unarchive']}"
    lifecycle = {**manifest.get("Lifecycle", {})}
    yield from _variable_faults(lifecycle.pop("Setenv", {}))
    for name, step in lifecycle.items():
        if name in _NEVER_RUN:
            yield f"step {name} never runs"
        elif name not in _STEPS:
            yield f"step {name} is not known, or reboots the device"
        elif isinstance(step, Mapping):
            yield from _step_faults(name, step)
    if not {"run", "startup"} & set(lifecycle):
        yield "no step run: after install the deployment waits 300 s and fails"


def _step_faults(name: str, step: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(step.get("Script"), str):
        yield f"step {name} has no Script"
    if not str(step.get("Timeout", 120)).isdigit():
        yield f"step {name}: Timeout {step['Timeout']!r}"
    yield from _variable_faults(step.get("Setenv", {}))


def _variable_faults(variables: Mapping[str, Any]) -> Iterator[str]:
    for name, value in variables.items():
        if not isinstance(value, str):
            yield f"Setenv {name} is not text: the script would be empty"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is not a map, with its JSON pointer."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}/{key}")
    else:
        yield path, value
