# SPDX-License-Identifier: Apache-2.0
"""Recipe variables, as the Greengrass nucleus replaces them in lifecycle scripts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.errors import RehearsalError

_VARIABLE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, kw_only=True)
class Variables:
    """What the recipe variables of one installed component stand for.

    ``slash`` is what a nucleus writes behind a folder's path: nucleus lite a slash, Java nothing.
    """

    artifacts: Path
    unarchived: Path
    work: Path
    root: Path
    thing: str
    configuration: Mapping[str, Any]
    slash: str = "/"

    def replace(self, script: str) -> str:
        """Replace the variables of a script.

        A real nucleus lite stops silently at a variable it does not know and runs what is left of
        the script; here that is an error, as is a brace that belongs to none.
        """
        replaced = _VARIABLE.sub(self._value, script)
        rest = _VARIABLE.sub("", script)
        if "{" in rest or "}" in rest:
            raise RehearsalError(f"recipe: {script!r} has a brace that belongs to no variable")
        return replaced

    def _value(self, match: re.Match[str]) -> str:
        folders = {
            "artifacts:path": self.artifacts,
            "artifacts:decompressedPath": self.unarchived,
            "work:path": self.work,
        }
        if match[1] in folders:
            return f"{folders[match[1]]}{self.slash}"
        if match[1] == "iot:thingName":
            return self.thing
        if match[1] == "kernel:rootPath":
            return str(self.root)
        namespace, _, name = match[1].partition(":")
        if namespace == "configuration" and name.startswith("/"):
            value: Any = self.configuration
            for part in name.strip("/").split("/"):
                if not isinstance(value, Mapping) or part not in value:
                    raise RehearsalError(f"recipe: {match[0]} has no value")
                value = value[part]
            return str(value)
        raise RehearsalError(f"recipe: {match[0]} is not a variable of the nucleus")
