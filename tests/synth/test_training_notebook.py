# SPDX-License-Identifier: Apache-2.0
"""The optional notebook instance, and the roles of training with weights in S3."""

import base64
import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.training_notebook import start_script
from tests.conftest import ROOT
from tests.synth.conftest import ENVIRONMENTS, Assemblies
from training.notebooks.stop_when_idle import idle_for

KIND = "AWS::SageMaker::NotebookInstance"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def only(assemblies: Assemblies, variant: str, kind: str) -> dict[str, Any]:
    [found] = assemblies.of_type(variant, kind).values()
    return dict(found)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_it_is_off_by_default(assemblies: Assemblies, environment: str) -> None:
    assert assemblies.of_type(environment, KIND) == {}


@pytest.mark.parametrize(
    ("variant", "internet"), [("notebook", "Enabled"), ("notebook-in-vpc", "Disabled")]
)
def test_it_is_closed_as_far_as_the_settings_allow(
    assemblies: Assemblies, variant: str, internet: str
) -> None:
    notebook = only(assemblies, variant, KIND)
    assert notebook["DirectInternetAccess"] == internet
    assert ("SubnetId" in notebook) is (internet == "Disabled")
    assert notebook["RootAccess"] == "Disabled"
    assert notebook["KmsKeyId"]
    metadata = notebook["InstanceMetadataServiceConfiguration"]
    assert metadata["MinimumInstanceMetadataServiceVersion"] == "2"


def test_its_role_reaches_this_environment_only(assemblies: Assemblies) -> None:
    roles = assemblies.of_type("notebook", "AWS::IAM::ManagedPolicy")
    [policy] = [item for name, item in roles.items() if "NotebookRole" in name]
    allowed = {
        action: statement["Resource"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    }
    assert not {action for action in allowed if action.startswith(("s3:Put", "s3:Delete", "iam:"))}
    assert "binsight-dev-notebook" in json.dumps(allowed["sagemaker:StopNotebookInstance"])
    assert "binsight-dev-training" in json.dumps(allowed["sagemaker:StartPipelineExecution"])
    assert "binsight-dev-models" in json.dumps(allowed["sagemaker:UpdateModelPackage"])


def test_it_starts_with_the_notebook_of_this_deployment(assemblies: Assemblies) -> None:
    config = only(assemblies, "notebook", "AWS::SageMaker::NotebookInstanceLifecycleConfig")
    [hook] = config["OnStart"]
    script = json.dumps(hook["Content"])
    for part in ("aws s3 cp", "binsight.json", "stop_when_idle.py", "--minutes 60"):
        assert part in script


def test_its_script_is_a_sound_and_short_one() -> None:
    script = start_script(
        code_uri="s3://bucket/key.zip",
        folder="binsight-0123456789ab",
        prefix="binsight-dev",
        region="us-east-1",
        name="binsight-dev-notebook",
        idle_minutes=60,
    )
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
    assert len(base64.b64encode(script.encode())) < 16384  # SageMaker's limit


def test_weights_in_s3_may_be_read_and_nothing_else_there(assemblies: Assemblies) -> None:
    policies = assemblies.of_type("notebook-in-vpc", "AWS::IAM::ManagedPolicy")
    [jobs] = [item for name, item in policies.items() if "RolesJobs" in name]
    on_weights = [
        statement
        for statement in jobs["PolicyDocument"]["Statement"]
        if "our-weights" in json.dumps(statement)
    ]
    assert [statement["Action"] for statement in on_weights] == [
        ["s3:GetObject"],
        ["s3:ListBucket"],
    ]
    assert on_weights[0]["Resource"] == ["arn:aws:s3:::our-weights/mobilenet/*"]


def kernel(state: str, minutes: int) -> dict[str, Any]:
    moment = (NOW - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    return {"kernel": {"execution_state": state, "last_activity": moment}}


@pytest.mark.parametrize(
    ("sessions", "up", "idle"),
    [
        ([kernel("idle", 90)], DAY, timedelta(minutes=90)),
        ([kernel("idle", 90), kernel("idle", 5)], DAY, timedelta(minutes=5)),
        ([kernel("busy", 90)], DAY, timedelta(0)),
        ([], timedelta(minutes=12), timedelta(minutes=12)),
        # Work of before the instance was stopped the last time does not count against it.
        ([kernel("idle", 900)], timedelta(minutes=3), timedelta(minutes=3)),
        ([{"kernel": None}], DAY, DAY),
    ],
)
def test_idle_is_when_no_cell_has_run(sessions: Any, up: timedelta, idle: timedelta) -> None:
    assert idle_for(sessions, now=NOW, up=up) == idle


def test_the_notebook_is_committed_without_results_and_with_short_cells() -> None:
    notebook = json.loads((ROOT / "training/notebooks/trash_sorter.ipynb").read_text())
    for cell in notebook["cells"]:
        assert len(cell["source"]) <= 16
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    kinds = [cell["cell_type"] for cell in notebook["cells"]]
    assert kinds.count("markdown") >= 8
