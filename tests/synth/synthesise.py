# SPDX-License-Identifier: Apache-2.0
"""Synthesises every environment once: ``python -m tests.synth.synthesise FOLDER``.

Run in a process of its own, so that the tests need neither jsii nor Node. FOLDER gets one cloud
assembly per environment and variant of dev, and ``findings.json``: what the rule packs find when
nothing is acknowledged, and what is acknowledged.
"""

import gc
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

if __name__ == "__main__":
    # What a synth makes lives until its end: looking for garbage in it would take seconds.
    gc.disable()

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks
from constructs import IConstruct

import app as binsight
from infra.assets import bundling
from infra.config import settings
from tests.synth.variants import VARIANTS, write_variant

ROOT = Path(__file__).resolve().parents[2]


def context() -> dict[str, Any]:
    """The context of cdk.json, which the CDK command line would pass."""
    document = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))
    return dict(document["context"])


def synthesise(name: str, folder: Path) -> None:
    """One environment's cloud assembly. Open findings are left in its validation report."""
    app = cdk.App(context=context(), outdir=str(folder))
    binsight.build(app, name)
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
        print(error, file=sys.stderr)


def findings(name: str, folder: Path) -> dict[str, Any]:
    """What the packs find in one environment without acknowledgements, and those made."""
    made: list[dict[str, str]] = []

    def note(construct: IConstruct, reasons: Mapping[str, str]) -> None:
        path = construct.node.path
        made.extend({"path": path, "id": key, "reason": text} for key, text in reasons.items())

    app = cdk.App(context=context(), outdir=str(folder))
    with (
        mock.patch("app.attach_rule_packs"),
        mock.patch("infra.common.compliance.record", note),
    ):
        binsight.build(app, name)
    found = [
        {"pack": pack.name, "id": rule, "path": path}
        for pack in (AwsSolutionsChecks(app), NIST80053R5Checks(app))
        for rule, path in _violations(pack, app)
    ]
    return {"found": found, "acknowledged": made}


def _violations(pack: Any, app: cdk.App) -> Iterator[tuple[str, str]]:
    for violation in pack.validate_scope(app).violations:
        for resource in violation.violating_resources:
            yield violation.rule_name, resource.construct_path or ""


def main() -> int:
    """Build the assets, then synthesise all environments."""
    folder = Path(sys.argv[1])
    if bundling.main() != 0:
        return 1
    found = {}
    for name in settings.names():
        synthesise(name, folder / name)
        found[name] = findings(name, folder / f"{name}-bare")
    (folder / "findings.json").write_text(json.dumps(found, indent=1, sort_keys=True))
    for name in VARIANTS:
        files = folder / "files" / name
        write_variant(name, files)
        os.environ["BINSIGHT_ENVIRONMENTS"] = str(files)
        if bundling.main() != 0:
            return 1
        synthesise(name, folder / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
