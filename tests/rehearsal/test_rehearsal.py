# SPDX-License-Identifier: Apache-2.0
"""The whole rehearsal as a person runs it, on a tiny set; and how it ends when it cannot go on."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from ministack_edge.process import free_port as unused_port
from rehearsal.notebook import PYTHON
from rehearsal.samples.set import draw
from tests.conftest import ROOT
from tests.enforcement import judge

SEED = 20261127


def _command(work, *arguments):
    return [sys.executable, "-m", "rehearsal", "--work", str(work), *arguments]


def _rehearse(work, *arguments, timeout=1500, **environment):
    return subprocess.run(
        _command(work, "run", *arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def _processes_of(work):
    """Processes that still have the work folder on their command line or as current folder."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry.name}/cmdline", "rb") as file:  # noqa: PTH123
                command = file.read().decode(errors="replace")
            folder = os.readlink(f"/proc/{entry.name}/cwd")  # noqa: PTH115
        except OSError:
            continue
        if str(work) in command or folder.startswith(str(work)):
            found.append(f"{entry.name} {command[:100]}")
    return found


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    draw(folder, photos_per_class=12)
    return folder


@pytest.fixture(scope="module")
def environments(tmp_path_factory):
    """Dev with a gate for a model that a dozen drawings have taught: it says how it would do."""
    folder = tmp_path_factory.mktemp("environments")
    text = (ROOT / "environments" / "dev.toml").read_text()
    for key in ("minimum_item_accuracy", "minimum_accuracy", "minimum_recall"):
        text, changed = re.subn(rf"(?m)^{key} = [0-9.]+", f"{key} = 0.0", text)
        assert changed == 1
    (folder / "dev.toml").write_text(text)
    return folder


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory, dataset, environments):
    """One rehearsal for the tests here, with the notebook where SageMaker's SDK is installed."""
    work = tmp_path_factory.mktemp("rehearsal")
    more = ["--notebook", str(work / "executed.ipynb")] if PYTHON.exists() else []
    done = _rehearse(
        work,
        *("--dataset", str(dataset), "--port", str(unused_port()), *more),
        BINSIGHT_ENVIRONMENTS=str(environments),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return work


def test_from_an_empty_account_to_sorted_photos_and_back(rehearsed):
    report = json.loads((rehearsed / "report.json").read_text())
    assert report["environment"] == "dev"
    assert report["redeploy_changes"] == 0
    assert report["error"] is None
    assert {stage["status"] for stage in report["stages"]} == {"done"}
    assert report["model"]["version"].startswith("1.")
    assert len(report["model"]["digest"]) == 64
    assert 0 < report["model"]["metrics"]["accuracy"] <= 1
    assert report["model"]["metrics"]["test_photos"] >= 3
    assert len(report["photos"]) >= 3
    for photo in report["photos"]:
        assert photo["bin"] in {"landfill", "compost", "recycling"}
        assert photo["archived"].startswith("detections/")
        assert photo["latest"] == f"binsight-dev-rehearsal-fleet/{photo['sequence']}"
    assert len({photo["sequence"] for photo in report["photos"]}) == len(report["photos"])
    assert any(name.startswith("AWS::SageMaker::Pipeline") for name in report["destroyed"])
    assert not [name for name in report["retained"] if name.startswith("AWS::S3::Bucket")]
    assert _processes_of(rehearsed) == []


def test_every_call_was_decided_and_none_refused(rehearsed):
    permissions = json.loads((rehearsed / "report.json").read_text())["permissions"]
    assert permissions["refused"] == 0
    assert permissions["exercised"] / permissions["granted"] >= 0.65
    lines = [json.loads(line) for line in (rehearsed / "permissions.jsonl").open()]
    assert {line["decision"] for line in lines} == {"allow"}
    # The root user makes an administrator, as in a new account, and stands in for the clock.
    root = {(line["stage"], line["action"]) for line in lines if line["by"] == "root"}
    assert {action for stage, action in root if stage == "people"} <= {
        "iam:AttachUserPolicy",
        "iam:CreateAccessKey",
        "iam:CreateUser",
    }
    clock = {"events:ListRules", "events:ListTargetsByRule", "lambda:InvokeFunction"}
    assert {stage for stage, action in root if action in clock} == {"schedules"}
    assert {action for stage, action in root if stage != "people"} <= clock
    # What a core does, it does with its certificate.
    cores = {line["action"] for line in lines if ":cert/" in line["principal"]}
    assert cores >= {
        "greengrass:GetComponentVersionArtifact",
        "greengrass:ListThingGroupsForCoreDevice",
        "greengrass:ResolveComponentCandidates",
        "iot:AssumeRoleWithCertificate",
        "iot:Connect",
        "iot:Publish",
        "iot:Receive",
        "iot:Subscribe",
    }


def test_the_camera_that_sorts_photos_has_rotated_its_certificate(rehearsed):
    """The rehearsal itself tries the old one, and fails where it is taken."""
    rotated = json.loads((rehearsed / "report.json").read_text())["rotated"]
    assert rotated["thing"] == "binsight-dev-rehearsal-fleet"
    lines = [json.loads(line) for line in (rehearsed / "permissions.jsonl").open()]
    published = {
        line["resource"].rpartition("/")[2]
        for line in lines
        if f":cert/{rotated['certificate']}" in line["principal"]
        and (line["stage"], line["action"]) == ("sort photos", "iot:Publish")
    }
    assert "detections" in published


def test_the_second_judge_decides_alike(rehearsed):
    """What ministack's evaluator allowed, a simulator that knows nothing of it allows too."""
    recorded = judge.Recorded.read(rehearsed)
    sample = recorded.sample(seed=1)
    answers = judge.decide_again([recorded.simulation(request) for request in sample])
    differing = [
        (request["principal"], request["action"], request["resource"], answer)
        for request, answer in zip(sample, answers, strict=True)
        if answer["result"] != "Allowed" and not judge.explained(request, answer)
    ]
    assert len(sample) > 100
    assert differing == []


def test_an_action_that_is_taken_away_is_missed(rehearsed):
    """30 granted actions at random, each taken away alone: what used it is refused."""
    recorded = judge.Recorded.read(rehearsed)
    used = sorted({(item["principal"], item["action"]) for item in recorded.requests})
    chosen = random.Random(SEED).sample(used, 30)  # noqa: S311 - a sample, not a secret
    missed = []
    for role, action in chosen:
        poorer = judge.Recorded(recorded.requests, judge.without(recorded.policies, role, action))
        hit = [r for r in poorer.requests if (r["principal"], r["action"]) == (role, action)]
        answers = judge.decide_again([poorer.simulation(request) for request in hit[:20]])
        if all(answer["result"] == "Allowed" for answer in answers):
            missed.append((role, action))
    assert len(missed) <= 1, missed


def test_the_notebook_tells_the_same_story(rehearsed):
    """Every cell ran against what was really deployed; what it trained is the model in service."""
    if not PYTHON.exists():
        pytest.skip("SageMaker's SDK is absent: `make sdk` installs it")
    notebook = json.loads((rehearsed / "executed.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    said = "".join("".join(output.get("text", "")) for cell in cells for output in cell["outputs"])
    # The same photos, code and settings as the execution that the manifest had started.
    assert "Prepare: succeeded (reused)" in said
    assert "Train: succeeded (reused)" in said
    assert "Evaluate: succeeded \n" in said
    assert "The pipeline has succeeded." in said
    assert "binsight-dev-models/2: Approved" in said
    assert len(re.findall(r"the model says (compost|landfill|recycling)", json.dumps(cells))) == 3


def test_a_missing_dataset_is_named_and_nothing_is_started(tmp_path):
    done = _rehearse(tmp_path, "--dataset", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "nowhere: there is no such folder" in done.stdout.replace("\n", "")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "local-aws").exists()


def test_an_unknown_environment_is_named(tmp_path):
    done = _rehearse(tmp_path, "--environment", "moon")
    assert done.returncode == 1
    assert "moon" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_named(tmp_path, dataset):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = _rehearse(tmp_path, "--dataset", str(dataset), "--port", str(port))
    assert done.returncode == 1
    assert str(port) in done.stdout
    assert "Traceback" not in done.stderr
    assert _processes_of(tmp_path) == []


@pytest.mark.usefixtures("sigint_arrives")
def test_ctrl_c_stops_everything_that_was_started(tmp_path, dataset, free_port):
    process = subprocess.Popen(
        _command(tmp_path, "run", "--dataset", str(dataset), "--port", str(free_port)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        for line in process.stdout:
            if line.startswith("synth"):
                break
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        for number in (signal.SIGINT, signal.SIGTERM):  # impatient
            time.sleep(0.1)
            process.send_signal(number)
        output, _ = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "interrupted" in output
    assert json.loads((tmp_path / "report.json").read_text())["error"] == "interrupted"
    deadline = time.monotonic() + 60
    while _processes_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _processes_of(tmp_path) == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", free_port)) != 0
