# SPDX-License-Identifier: Apache-2.0
"""An AWS IoT rule is one entry in one file: an environment synthesises, no finding open."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

RULE = """            MessageRule(
                self,
                "Unsure",
                description="Archives what cameras are unsure of",
                sql=f"SELECT *, 'detection' AS kind, timestamp() AS received_ms "  # noqa: S608
                f"FROM '{topics.detections(ANY_THING)}' WHERE confidence < 0.4",
                actions=[to_stream(archive.detections)],
                errors=errors,
            ),
"""
FILE = "infra/insights/iot_rules.py"
SYNTH = """
from pathlib import Path
from tests.synth.synthesise import synthesise
synthesise("dev", Path("out"))
"""


@pytest.mark.xdist_group("synth")
def test_an_iot_rule_is_one_file(tmp_path):
    for path in ROOT.iterdir():
        if path.name == "infra":
            shutil.copytree(path, tmp_path / "infra")
        elif path.name not in (".git", "out"):
            (tmp_path / path.name).symlink_to(path)
    rules = tmp_path / FILE
    before = '            MessageRule(\n                self,\n                "Presence",'
    assert rules.read_text().count(before) == 1
    rules.write_text(rules.read_text().replace(before, RULE + before))
    done = subprocess.run(
        [sys.executable, "-c", SYNTH],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ValidationFailed" not in done.stderr, "a rule pack has an open finding"
    template = json.loads((tmp_path / "out" / "Insights.template.json").read_text())
    sql = [
        resource["Properties"]["TopicRulePayload"]["Sql"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::IoT::TopicRule"
    ]
    assert any("confidence < 0.4" in text for text in sql)
