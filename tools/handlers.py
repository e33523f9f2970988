# SPDX-License-Identifier: Apache-2.0
"""Takes from CloudFormation's resource schemas what CloudFormation needs to be allowed per type.

The schemas come with cfn-lint, a development dependency of 40 MB; the rehearsal reads the extract.
``python -m tools.handlers`` rewrites it; a test compares it with the schemas.
"""

import json
import sys
from pathlib import Path
from typing import Any

import cfnlint

from ministack_edge.enforcement.handlers import FILE, VERBS

SNAPSHOTS = Path(__file__).resolve().parent.parent / "tests" / "synth" / "snapshots"
SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"
REGION = "us-east-1"
"""The region whose schemas are taken; where regions differ, it has the most features."""

BOOTSTRAP = ("AWS::ECR::Repository", "AWS::IAM::Policy", "AWS::SSM::Parameter")
"""Types of the CDK's bootstrap stack."""

OPTIONS = ("AWS::SNS::Subscription", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy")
"""Types of options that are off in every committed snapshot, or of the tests' own stacks."""


def deployed() -> set[str]:
    """Every type in the committed snapshots that AWS provides itself."""
    return {
        body["Type"]
        for file in SNAPSHOTS.rglob("*.json")
        for body in json.loads(file.read_text(encoding="utf-8"))["Resources"].values()
        if not body["Type"].startswith("Custom::")
    }


def extract() -> dict[str, dict[str, list[str]]]:
    """Per type and verb: the actions that the type's schema lists."""
    files = json.loads((SCHEMAS / "providers" / f"{REGION}.json").read_text(encoding="utf-8"))
    found = {}
    for name in sorted({*deployed(), *BOOTSTRAP, *OPTIONS}):
        path = SCHEMAS / "resources" / f"{files[name]}.json"
        handlers: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["handlers"]
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
