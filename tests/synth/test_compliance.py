# SPDX-License-Identifier: Apache-2.0
"""Both rule packs and cfn-lint are content, and every acknowledgement is needed and explained."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from infra.checks.acknowledgements import METADATA
from infra.checks.rule import PACK
from infra.config import settings
from tests.synth.assembly_cache import fresh, verdict
from tests.synth.conftest import ENVIRONMENTS, STACKS, Assemblies
from tests.synth.stale import stale

MINIMUM_REASON = 20
"""As in infra/common/compliance.py, which would load all of the CDK into this process."""

MAXIMUM_PER_RESOURCE = {"AwsSolutions": 0.3, "NIST.800.53.R5": 0.4}
"""Findings with all acknowledgements stripped: what is left to explain in a security review."""


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_finding_is_open(assemblies: Assemblies, environment: str) -> None:
    report = json.loads((assemblies.path(environment) / "validation-report.json").read_text())
    open_findings = [
        f"{plugin.get('pluginName', '?')}: {violation['ruleName']}"
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
    ]
    assert open_findings == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_packs_really_ran(assemblies: Assemblies, environment: str) -> None:
    """Without acknowledgements both packs do find something: an empty report is not a blind one."""
    found = assemblies.findings(environment)["found"]
    assert {finding["pack"] for finding in found} == set(MAXIMUM_PER_RESOURCE)


def needless(report: dict[str, list[dict[str, str]]]) -> list[str]:
    """Acknowledgements of the general packs that no finding needs.

    Those of BinsightChecks are for its own `stale`: that pack reads templates, not constructs, so
    its findings are in the written assembly and not in this report.
    """
    return [
        f"{note['path']}: {note['id']}"
        for note in report["acknowledged"]
        if not note["id"].startswith(f"{PACK}::")
        and not any(
            finding["id"] == note["id"] and f"{finding['path']}/".startswith(f"{note['path']}/")
            for finding in report["found"]
        )
    ]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_acknowledgement_is_needed(assemblies: Assemblies, environment: str) -> None:
    report = assemblies.findings(environment)
    assert needless(report) + stale(assemblies.path(environment)) == []


def test_an_acknowledgement_that_nothing_needs_is_named_whatever_its_pack(tmp_path: Path) -> None:
    found = {"pack": "AwsSolutions", "id": "AwsSolutions-S1", "path": "Data/Bucket/Resource"}
    notes = [
        {"path": "Data/Bucket", "id": "AwsSolutions-S1", "reason": ""},
        {"path": "Data/Other", "id": "AwsSolutions-S1", "reason": ""},
        {"path": "Data/Bucket", "id": f"{PACK}::BINSIGHT-LOG1", "reason": ""},
    ]
    assert needless({"found": [found], "acknowledged": notes}) == ["Data/Other: AwsSolutions-S1"]
    # The same acknowledgement in an assembly whose report has no finding for it.
    data = {f"{PACK}::BINSIGHT-LOG1": "a reason that is long enough"}
    entry = {"type": METADATA, "data": data}
    (tmp_path / "Data.metadata.json").write_text(json.dumps({"/Data/Bucket": [entry]}))
    assert stale(tmp_path) == [f"{PACK}::BINSIGHT-LOG1 at Data/Bucket"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_acknowledgement_says_why(assemblies: Assemblies, environment: str) -> None:
    notes = assemblies.findings(environment)["acknowledged"]
    assert notes
    assert [note for note in notes if len(note["reason"]) < MINIMUM_REASON] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_reasons_are_in_the_templates(assemblies: Assemblies, environment: str) -> None:
    """A reviewer reads them beside the resource."""
    text = "".join(
        (assemblies.path(environment) / f"{stack}.template.json").read_text(encoding="utf-8")
        for stack in STACKS
    )
    notes = assemblies.findings(environment)["acknowledged"]
    missing = [note for note in notes if json.dumps(note["reason"])[1:-1] not in text]
    assert missing == []


@pytest.mark.parametrize("pack", MAXIMUM_PER_RESOURCE)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_little_needs_an_acknowledgement(
    assemblies: Assemblies, environment: str, pack: str
) -> None:
    found = [item for item in assemblies.findings(environment)["found"] if item["pack"] == pack]
    per_resource = len(found) / len(assemblies.resources(environment))
    assert per_resource < MAXIMUM_PER_RESOURCE[pack]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_cfn_lint_finds_nothing(assemblies: Assemblies, environment: str) -> None:
    """It takes 12 s of processor for an environment: the same templates are linted once."""
    templates = [assemblies.path(environment) / f"{name}.template.json" for name in STACKS]
    region = settings.load(environment).region
    known = verdict(version("cfn-lint"), region, *(path.read_text() for path in templates))
    if known.is_file() and not fresh():
        return
    result = subprocess.run(
        [
            str(Path(sys.executable).with_name("cfn-lint")),
            *("--regions", region, "--format", "parseable", "--", *map(str, templates)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    known.touch()
