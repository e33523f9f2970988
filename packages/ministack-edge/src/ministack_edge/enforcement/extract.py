# SPDX-License-Identifier: Apache-2.0
"""Takes from CloudFormation's resource schemas what CloudFormation needs to be allowed per type.

The schemas come with cfn-lint, which this module alone needs (the extra ``schemas``); the server
reads the extract. ``python -m ministack_edge.enforcement.extract`` rewrites it for every type that
`where.py` knows; a test compares it with the schemas.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ministack_edge.enforcement import where
from ministack_edge.enforcement.handlers import FILE, VERBS

REGION = "us-east-1"
"""The region whose schemas are taken; where regions differ, it has the most features."""


@cache
def _schemas() -> Path:
    # The data alone is read: importing cfn-lint takes seconds.
    found = find_spec("cfnlint")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("cfn-lint is missing: pip install 'ministack-edge[schemas]'")
    return Path(found.submodule_search_locations[0]) / "data" / "schemas"


@cache
def schema(resource_type: str) -> dict[str, Any]:
    """The schema of a resource type, as cfn-lint ships it. Raises KeyError for an unknown type."""
    files = json.loads((_schemas() / "providers" / f"{REGION}.json").read_text(encoding="utf-8"))
    path = _schemas() / "resources" / f"{files[resource_type].removesuffix('.json')}.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def extract() -> dict[str, dict[str, list[str]]]:
    """Per type and verb: the actions that the type's schema lists."""
    found = {}
    for name in sorted(where.known()):
        handlers = schema(name)["handlers"]
        found[name] = {
            verb: sorted(handlers.get(verb, {}).get("permissions", [])) for verb in VERBS
        }
    return found


def text() -> str:
    """The extract as it is in its file."""
    return json.dumps(extract(), indent=1) + "\n"


def main() -> int:
    """Write the extract."""
    FILE.write_text(text(), encoding="utf-8")
    print(f"{FILE}: {len(extract())} types")
    return 0


if __name__ == "__main__":
    sys.exit(main())
