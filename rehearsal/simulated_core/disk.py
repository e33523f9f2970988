# SPDX-License-Identifier: Apache-2.0
"""What a core has on its disk besides artifacts, so that a restart of its nucleus changes nothing.

Recipes, configuration with the time of each value, and which group named which version. Both nuclei
start from it without asking the cloud, where versions may be gone.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rehearsal.simulated_core.configuration import as_json, from_json
from rehearsal.simulated_core.resolve import Resolved


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A core's components in the order in which they came, their configuration, the groups' roots.

    ``roots`` maps a thing group to the versions that its last deployment named.
    """

    components: tuple[Resolved, ...]
    configuration: Mapping[str, Any]
    roots: Mapping[str, Mapping[str, str]]


def keep(
    path: Path,
    *,
    components: Iterable[Resolved],
    configuration: Mapping[str, Any],
    roots: Mapping[str, Mapping[str, str]],
) -> None:
    """Write it, whole or not at all."""
    document = {
        "components": [asdict(component) for component in components],
        "configuration": as_json(configuration),
        "roots": roots,
    }
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document), encoding="utf-8")
    part.replace(path)


def kept(path: Path) -> Kept | None:
    """What was written last; None on a new core."""
    if not path.exists():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    return Kept(
        components=tuple(Resolved(**component) for component in document["components"]),
        configuration=from_json(document["configuration"]),
        roots=document["roots"],
    )
