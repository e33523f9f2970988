# SPDX-License-Identifier: Apache-2.0
"""The optional notebook instance, and the roles of training with weights in S3."""

import ast
import base64
import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.training.notebook import start_script
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


SCRIPT = start_script(
    code_uri="s3://bucket/key.zip",
    folder="binsight-0123456789ab",
    prefix="binsight-dev",
    region="us-east-1",
    name="binsight-dev-notebook",
    idle_minutes=60,
)
HOME = "/home/ec2-user/SageMaker"
ON_THE_SYSTEM_PYTHON = re.findall(r"(?m)^\s*python3 \S+?/(training/\S+\.py)", SCRIPT)
"""Files that the instance runs with its system's Python, which is 3.9."""


def test_its_script_is_a_sound_and_short_one() -> None:
    assert subprocess.run(["bash", "-n"], input=SCRIPT, text=True, check=False).returncode == 0
    assert len(base64.b64encode(SCRIPT.encode())) < 16384  # SageMaker's limit


def test_what_runs_on_the_instance_s_own_python_needs_no_newer_one() -> None:
    """The syntax of 3.9, and nothing of the standard library that came after 3.10: mypy knows no
    older one. Where there is a Python 3.9, it is asked as well."""
    assert ON_THE_SYSTEM_PYTHON == ["training/notebooks/stop_when_idle.py"]
    for name in ON_THE_SYSTEM_PYTHON:
        ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 9))
    options = ["--python-version", "3.10", "--follow-imports=silent", "--no-error-summary"]
    command = [sys.executable, "-m", "mypy", *options, *ON_THE_SYSTEM_PYTHON]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    for name in ON_THE_SYSTEM_PYTHON if _works("python3.9") else []:
        subprocess.run(["python3.9", str(ROOT / name), "--help"], capture_output=True, check=True)


def _works(python: str) -> bool:
    found = shutil.which(python)
    return (
        found is not None
        and not subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode
    )


def test_the_instance_gets_a_kernel_for_the_notebook(tmp_path: Path) -> None:
    """The script as it is, on stand-ins of the instance's commands; twice, as after a restart."""
    home, log = tmp_path / "home", tmp_path / "log"
    (home / "local" / "bin").mkdir(parents=True)
    commands = tmp_path / "bin"
    commands.mkdir()
    archive = shutil.make_archive(str(tmp_path / "code"), "zip", ROOT, "training/notebooks")
    scripts = {
        "aws": f'cp {archive} "${{@: -1}}"',
        "chown": ":",
        "dnf": f'echo "dnf $*" >> {log}',
        "runuser": 'shift 3; exec "$@"',
        # The background services run here and now.
        "systemd-run": (
            f'echo "systemd-run $*" >> {log}; case "$*" in *-kernel) exec "${{@: -1}}"; esac'
        ),
        "python3.12": (
            f'echo "python3.12 $*" >> {log}; mkdir -p "$3/bin"; '
            f'printf \'#!/bin/bash\\necho venv "$@" >> {log}\\n\' > "$3/bin/python"; '
            'chmod +x "$3/bin/python"'
        ),
    }
    for name, text in scripts.items():
        (commands / name).write_text(f"#!/bin/bash\n{text}\n")
        (commands / name).chmod(0o755)
    here = SCRIPT.replace(HOME, str(home)).replace("/usr/local", str(home / "local"))
    for _ in range(2):
        environment = {"PATH": f"{commands}:/usr/bin:/bin"}
        done = subprocess.run(
            ["bash", "-c", here], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    folder = home / "binsight-0123456789ab" / "training" / "notebooks"
    notebook = json.loads((folder / "trash_sorter.ipynb").read_text())
    assert notebook["metadata"]["kernelspec"]["name"] == "binsight"
    assert json.loads((folder / "binsight.json").read_text()) == {"prefix": "binsight-dev"}
    told = log.read_text().splitlines()
    assert told.count("dnf install -y -q python3.12") == 2  # the system's disk is new at each start
    assert [line for line in told if line.startswith("python3.12")] == [
        f"python3.12 -m venv {home}/.binsight"  # and the notebook's is kept
    ]
    install = f"venv -m ipykernel install --prefix {home}/local --name binsight"
    assert f"{install} --display-name Binsight" in told
    assert any("stop_when_idle.py --name binsight-dev-notebook" in line for line in told)


def test_the_instance_has_the_kernel_that_the_notebook_is_tested_with() -> None:
    locked = (ROOT / "requirements" / "sdk.txt").read_text(encoding="utf-8")
    [wanted] = re.findall(r"pip install -q (\S+)", SCRIPT)
    assert f"\n{wanted} " in locked


def test_weights_in_s3_may_be_read_and_nothing_else_there(assemblies: Assemblies) -> None:
    policies = assemblies.of_type("notebook-in-vpc", "AWS::IAM::ManagedPolicy")
    [jobs] = [item for name, item in policies.items() if "RolesJobs" in name]
    on_weights = [
        statement
        for statement in jobs["PolicyDocument"]["Statement"]
        if "our-weights" in json.dumps(statement)
    ]
    assert [statement["Action"] for statement in on_weights] == ["s3:GetObject", "s3:ListBucket"]
    read = [arn for arn in on_weights[0]["Resource"] if "our-weights" in json.dumps(arn)]
    assert read == ["arn:aws:s3:::our-weights/mobilenet/*"]


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
