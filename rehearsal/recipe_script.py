# SPDX-License-Identifier: Apache-2.0
"""Recipe variables, as the Greengrass nucleus replaces them in lifecycle scripts."""

import re
from collections.abc import Mapping
from typing import Any

from rehearsal.errors import RehearsalError

_VARIABLE = re.compile(r"\{([^{}]*)\}")


def interpolate(
    script: str, *, artifacts: str, thing: str, root: str, configuration: Mapping[str, Any]
) -> str:
    """Replace the recipe variables that a component of Binsight may use.

    Those are ``{artifacts:path}``, ``{iot:thingName}``, ``{kernel:rootPath}`` and
    ``{configuration:/x}``. A real nucleus lite stops silently at a variable it does not know and
    runs what is left of the script; here that is an error.
    """

    def replace(match: re.Match[str]) -> str:
        namespace, _, name = match[1].partition(":")
        if match[1] == "artifacts:path":
            return f"{artifacts}/"
        if match[1] == "iot:thingName":
            return thing
        if match[1] == "kernel:rootPath":
            return root
        if namespace == "configuration" and name.startswith("/"):
            value: Any = configuration
            for part in name.strip("/").split("/"):
                if not isinstance(value, Mapping) or part not in value:
                    raise RehearsalError(f"recipe: {match[0]} has no value")
                value = value[part]
            return str(value)
        raise RehearsalError(f"recipe: {match[0]} is not a variable of the nucleus")

    return _VARIABLE.sub(replace, script)
