# SPDX-License-Identifier: Apache-2.0
"""Greengrass component recipes that run on the Java nucleus and on nucleus lite.

Nucleus lite rejects much that the documentation allows, and silently accepts some mistakes: it
truncates a script at an unknown ``{``, and the deployment still succeeds. ``recipe`` builds a
recipe and rejects, before anything is deployed, everything that failed on a real nucleus lite.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MAXIMUM_BYTES = 8000
MAXIMUM_VALUES = 255
MAXIMUM_CONFIGURATION_VALUE = 1000

_STEPS = {"install", "run", "startup"}
"""Lower case is required. ``bootstrap`` always reboots a lite device; ``shutdown`` and ``recover``
are accepted and never run."""
_RUNTIMES = {"*", "aws_nucleus_lite"}
_ARCHITECTURES = {"*", "amd64", "aarch64", "arm", "x86"}
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
_VERSION = re.compile(r"\d{1,6}\.\d{1,6}\.\d{1,6}")
_VARIABLE = re.compile(
    r"\{(artifacts:path|artifacts:decompressedPath|work:path|kernel:rootPath|iot:thingName"
    r"|configuration:(?P<pointer>/[A-Za-z0-9_./-]+))\}"
)
_REQUIREMENT = re.compile(r"((>=|<=|=|>|<)?\d+\.\d+\.\d+)( (>=|<=|=|>|<)\d+\.\d+\.\d+)*")


class RecipeError(ValueError):
    """A recipe that would break on a camera; the message lists every reason."""


def recipe(
    *,
    name: str,
    version: str,
    description: str,
    publisher: str,
    manifests: Sequence[Mapping[str, Any]],
    configuration: Mapping[str, Any] | None = None,
    dependencies: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """The JSON text of a generic component's recipe. Raises RecipeError naming what is wrong."""
    document: dict[str, Any] = {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": name,
        "ComponentVersion": version,
        "ComponentType": "aws.greengrass.generic",
        "ComponentDescription": description,
        "ComponentPublisher": publisher,
        "Manifests": list(manifests),
    }
    if configuration:
        document["ComponentConfiguration"] = {"DefaultConfiguration": configuration}
    if dependencies:
        document["ComponentDependencies"] = dependencies
    reasons = list(_faults(document))
    if reasons:
        raise RecipeError(f"recipe of {name}: " + "; ".join(reasons))
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _faults(document: Mapping[str, Any]) -> Iterator[str]:
    if not _NAME.fullmatch(document["ComponentName"]):
        yield "ComponentName: letters, digits, '.', '_' and '-', at most 128"
    if not _VERSION.fullmatch(document["ComponentVersion"]):
        yield f"ComponentVersion {document['ComponentVersion']!r}: three numbers of up to 6 digits"
    if not document["ComponentDescription"].strip():
        yield "ComponentDescription is empty: nucleus lite would drop the unit file's next line"
    configuration = document.get("ComponentConfiguration", {}).get("DefaultConfiguration", {})
    for path, value in _leaves(configuration):
        if len(json.dumps(value)) > MAXIMUM_CONFIGURATION_VALUE:
            yield f"configuration {path}: over {MAXIMUM_CONFIGURATION_VALUE} characters"
    for name, dependency in document.get("ComponentDependencies", {}).items():
        yield from _dependency_faults(name, dependency)
    if not document["Manifests"]:
        yield "no manifest"
    for number, manifest in enumerate(document["Manifests"]):
        for fault in _manifest_faults(manifest, configuration):
            yield f"manifest {number}: {fault}"
    if len(json.dumps(document)) > MAXIMUM_BYTES:
        yield f"over {MAXIMUM_BYTES} bytes"
    if sum(1 for _ in _leaves(document)) > MAXIMUM_VALUES:
        yield f"over {MAXIMUM_VALUES} values"


def _dependency_faults(name: str, dependency: Mapping[str, str]) -> Iterator[str]:
    if name in {"aws.greengrass.NucleusLite", "aws.greengrass.Cli"}:
        yield f"dependency {name}: hangs or fails on nucleus lite"
    if dependency.get("DependencyType") not in {"HARD", "SOFT"}:
        yield f"dependency {name}: DependencyType must be HARD or SOFT"
    if not _REQUIREMENT.fullmatch(dependency.get("VersionRequirement", "")):
        yield f"dependency {name}: VersionRequirement allows only =, >, >=, <, <= joined by spaces"


def _manifest_faults(
    manifest: Mapping[str, Any], configuration: Mapping[str, Any]
) -> Iterator[str]:
    platform = manifest.get("Platform", {})
    if platform.get("runtime") not in _RUNTIMES:
        yield "Platform.runtime must be '*' or 'aws_nucleus_lite', or nucleus lite skips it"
    if platform.get("os") != "linux":
        yield "Platform.os must be 'linux'"
    if platform.get("architecture", "*") not in _ARCHITECTURES:
        yield f"Platform.architecture: one of {', '.join(sorted(_ARCHITECTURES))}"
    if not isinstance(manifest.get("Artifacts"), list):
        yield "the key Artifacts is required, even if its list is empty"
    for artifact in manifest.get("Artifacts") or []:
        if artifact.get("Unarchive", "NONE") not in {"NONE", "ZIP"}:
            yield f"artifact {artifact.get('Uri')}: Unarchive must be NONE or ZIP"
        if not str(artifact.get("Uri", "")).startswith("s3://"):
            yield f"artifact {artifact.get('Uri')}: Uri must begin with s3://"
    lifecycle = dict(manifest.get("Lifecycle", {}))
    yield from _setenv_faults(lifecycle.pop("Setenv", {}), configuration)
    if unknown := sorted(set(lifecycle) - _STEPS):
        yield f"step {unknown[0]!r}: allowed are {', '.join(sorted(_STEPS))}, in lower case"
    if not {"run", "startup"} & set(lifecycle):
        yield "a component needs a run or startup step: with install only it blocks the device"
    for step, body in lifecycle.items():
        for fault in _step_faults(body, configuration):
            yield f"step {step}: {fault}"


def _step_faults(body: Mapping[str, Any], configuration: Mapping[str, Any]) -> Iterator[str]:
    if unknown := sorted(set(body) - {"Script", "RequiresPrivilege", "Setenv", "Timeout"}):
        yield f"unknown key {unknown[0]!r}"
    timeout = body.get("Timeout", 1)
    if isinstance(timeout, bool) or not isinstance(timeout, int):
        yield f"Timeout {timeout!r}: must be a whole number of seconds"
    yield from _setenv_faults(body.get("Setenv", {}), configuration)
    yield from _brace_faults(str(body.get("Script", "")), configuration)
    if not str(body.get("Script", "")).strip():
        yield "Script is missing"


def _setenv_faults(variables: Mapping[str, Any], configuration: Mapping[str, Any]) -> Iterator[str]:
    for name, value in variables.items():
        if not isinstance(value, str):
            yield f"Setenv {name}: {value!r} must be text: any other type makes the script empty"
        else:
            yield from _brace_faults(value, configuration)


def _brace_faults(text: str, configuration: Mapping[str, Any]) -> Iterator[str]:
    rest = _VARIABLE.sub("", text)
    if "{" in rest or "}" in rest:
        yield f"{text!r} has a brace that is not a known variable: it would truncate the script"
    for match in _VARIABLE.finditer(text):
        pointer = match["pointer"]
        if pointer and pointer not in dict(_leaves(configuration)):
            yield f"{text!r} refers to {pointer}, which has no default in the configuration"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is not a map, with its JSON pointer. A list counts as one value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}/{key}")
    else:
        yield path, value
