# SPDX-License-Identifier: Apache-2.0
"""The simulated core: recipe variables, configuration merges, digests, processes."""

import base64
import dataclasses
import hashlib
import os
import time
from pathlib import Path

import pytest

from rehearsal.cdk import count_changed
from rehearsal.errors import RehearsalError
from rehearsal.simulated_core.artifacts import fetch_artifacts
from rehearsal.simulated_core.component_process import ComponentProcess, run_script
from rehearsal.simulated_core.recipe_script import Variables

KNOWN = Variables(
    artifacts=Path("/a"),
    unarchived=Path("/u"),
    work=Path("/w"),
    root=Path("/r"),
    thing="cam",
    configuration={"x": {"y": 3}},
)


def test_variables_are_replaced():
    script = "{artifacts:path}/run {iot:thingName} {configuration:/x/y} {kernel:rootPath}"
    assert KNOWN.replace(script) == "/a//run cam 3 /r"
    assert KNOWN.replace("{artifacts:decompressedPath}x {work:path}") == "/u/x /w/"
    java = dataclasses.replace(KNOWN, slash="")
    assert java.replace("{artifacts:path}/run {work:path}") == "/a/run /w"


@pytest.mark.parametrize(
    "variable",
    ["${HOME}", "{configuration:/missing}", "{other:path}", "{x.Y:artifacts:path}", "a{", "b}"],
)
def test_what_would_end_a_script_early_on_a_camera_is_an_error(variable):
    with pytest.raises(RehearsalError, match="recipe"):
        KNOWN.replace(f"echo {variable}")


class _Cloud:
    """The S3 part of a cloud, in a folder."""

    def __init__(self, folder):
        self.folder = folder

    def client(self, service):
        assert service == "s3"
        return self

    def download_file(self, bucket, key, target):
        content = (self.folder / bucket / key).read_bytes()
        with open(target, "wb") as file:  # noqa: PTH123 - boto3 takes a path as text
            file.write(content)


def test_an_artifact_with_another_digest_is_refused(tmp_path):
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / "model.bin").write_bytes(b"model")
    digest = base64.b64encode(hashlib.sha256(b"model").digest()).decode()
    artifact = {"Uri": "s3://bucket/model.bin", "Digest": digest, "Algorithm": "SHA-256"}
    manifest = {"Artifacts": [artifact]}
    places = {"folder": tmp_path / "out", "unarchived": tmp_path / "unarchived"}
    fetch_artifacts(_Cloud(tmp_path), arn="a", manifest=manifest, **places)
    assert (tmp_path / "out" / "model.bin").read_bytes() == b"model"
    (tmp_path / "bucket" / "model.bin").write_bytes(b"other")
    with pytest.raises(RehearsalError, match="digest"):
        fetch_artifacts(_Cloud(tmp_path), arn="a", manifest=manifest, **places)
    del artifact["Digest"]
    with pytest.raises(RehearsalError, match="no SHA-256"):
        fetch_artifacts(_Cloud(tmp_path), arn="a", manifest=manifest, **places)


def test_a_failing_step_is_reported_with_its_last_words(tmp_path):
    with pytest.raises(RehearsalError, match=r"status 3(.|\n)*no golden match"):
        run_script("echo no golden match; exit 3", folder=tmp_path, log=tmp_path / "log")
    run_script("exit 0", folder=tmp_path, log=tmp_path / "log")


def test_a_step_that_hangs_is_ended_with_its_children(tmp_path):
    script = f"sleep 60 & echo $! > {tmp_path}/child; wait"
    with pytest.raises(RehearsalError, match="did not end"):
        run_script(script, folder=tmp_path, log=tmp_path / "log", timeout=0.5)
    child = int((tmp_path / "child").read_text())
    _await_end(child)


def test_a_pinned_lambda_sees_its_own_package_only_and_ends_when_told(tmp_path):
    package = tmp_path / "package"
    package.mkdir()
    (package / "entry.py").write_text(
        "import os, sys\n"
        "others = any('site-packages' in path for path in sys.path)\n"
        "print('thing', os.environ['AWS_IOT_THING_NAME'], others)\n"
        "def handler(event, context): return None\n"
    )
    component = ComponentProcess.start_lambda(
        package=package,
        handler="entry.handler",
        environment={"AWS_IOT_THING_NAME": "cam-1"},
        log=tmp_path / "log",
    )
    try:
        deadline = time.monotonic() + 60
        while "imported" not in (tmp_path / "log").read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
        component.check("entry")
        assert "thing cam-1 False" in (tmp_path / "log").read_text()
    finally:
        component.stop()
    assert component.process.poll() is not None
    with pytest.raises(RehearsalError, match="ended with status"):
        component.check("entry")


def test_changed_stacks_are_counted_from_what_cdk_prints():
    output = " ✅  Data (a-data) (no changes)\n✨  Deployment time: 1s\n ✅  Edge (a-edge)\n"
    assert count_changed(output) == 1
    assert count_changed(output.replace("(a-edge)", "(a-edge) (no changes)")) == 0


def _await_end(process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        # An orphan whose parent has not collected it yet is ended all the same.
        with open(f"/proc/{process}/stat") as stat:  # noqa: PTH123
            if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                return
        time.sleep(0.05)
    raise AssertionError(f"process {process} is still running")
