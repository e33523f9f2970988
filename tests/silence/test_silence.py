# SPDX-License-Identifier: Apache-2.0
"""Nothing phones home: camera, training and rehearsal look up no name but what they need.

docs/network.md has the list of what each part needs. Here all of it is on this machine, so nothing
is. The whole rehearsal takes minutes and is watched when BINSIGHT_WATCH_REHEARSAL=1 says so.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from ministack_edge.process import LocalAws
from rehearsal.samples.set import draw
from tests.camera import tiny
from tests.conftest import ROOT
from tests.silence.conftest import Run, left_behind

SECONDS = 16
"""onnxruntime 1.31.1 asks for its makers' host about ten seconds after it is imported."""
MAKERS, NOTICES = "mobile.events.data.microsoft.com", "cli.cdk.dev-tools.aws.dev"
INFERENCE = ROOT / "lambda" / "inference"
CAMERA = {
    "PYTHONPATH": f"{INFERENCE}:{ROOT}",
    "AWS_IOT_THING_NAME": "cam-1",
    "BINSIGHT_TOPIC_PREFIX": "silence",
    "BINSIGHT_PUBLISHER": "print",
    "BINSIGHT_BINS": '{"classes":{},"default":"landfill","unsure_below":0.5}',
}
STACK = {
    "type": "aws:cloudformation:stack",
    "environment": "aws://111111111111/us-east-1",
    "properties": {"templateFile": "template.json"},
}
ASSEMBLY = {
    "manifest.json": {"version": "36.0.0", "artifacts": {"Stack": STACK}},
    "template.json": {"Resources": {}},
}
PHOTOS_PER_CLASS = 12
QUIET = {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
CDK = {"CDK_DISABLE_CLI_TELEMETRY=true", "CDK_DISABLE_VERSION_CHECK=true"}


@pytest.fixture(scope="module")
def runs(watch, tmp_path_factory) -> dict[str, Run]:
    """All watched commands, at the same time: they wait more than they work."""
    work = tmp_path_factory.mktemp("silence")
    lens = work / "lens"
    lens.mkdir()
    (lens / "glass.jpg").write_bytes(tiny.photo("glass"))
    archive, _ = tiny.write_model(work / "model")
    source = f"dir:{lens}?hold=6&gap=4&fps=15"
    shown = ["python", "-m", "camera", "--source", source, "--model", str(archive), "--stay"]
    told = {**CAMERA, "BINSIGHT_SOURCE": source, "BINSIGHT_MODEL_FOLDER": str(work / "models")}
    runtime = str(ROOT / "rehearsal" / "simulated_core" / "lambda_runtime.py")
    handler = ["python", runtime, str(INFERENCE), "camera_handler.handler"]
    start = str(INFERENCE / "start.sh")
    generic = f"sh {start} prepare {work}/models && exec sh {start} run"
    draw(work / "photos")
    for photos in (work / "photos").iterdir():
        for photo in sorted(photos.iterdir())[PHOTOS_PER_CLASS:]:
            photo.unlink()
    training = ["python", "-m", "training.local", "--dataset", str(work / "photos")]
    training += ["--out", str(work / "out"), "--network", "compact", "--epochs", "1"]
    training += ["--image-size", "32"]
    (work / "assembly").mkdir()
    for name, document in ASSEMBLY.items():
        (work / "assembly" / name).write_text(json.dumps(document))
    # At a terminal, because only there the CLI asks whether there is a newer one.
    terminal = ["python", "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"]
    cdk = [*terminal, "cdk", "list", "--app", str(work / "assembly")]
    aws = LocalAws(port=4566, work=work / "local-aws", enforce=False)
    client = aws.client_environment(account="111111111111", region="us-east-1")
    del client["CI"]
    apart = {**client, "CDK_HOME": str(work / "cdk-home")}  # it remembers being offline
    started = {
        "told to report": watch.start(
            "loud", shown, {**CAMERA, "ORT_DISABLE_TELEMETRY": "0"}, seconds=SECONDS
        ),
        "camera": watch.start("camera", shown, CAMERA, seconds=SECONDS),
        "lambda": watch.start("lambda", handler, told, seconds=SECONDS),
        "generic": watch.start("generic", ["sh", "-c", generic], told, seconds=SECONDS),
        "training": watch.start("training", training, {}, seconds=0),
        "cdk": watch.start("cdk", cdk, client, seconds=0),
        "cdk told to ask": watch.start("loud-cdk", [*cdk, "--notices"], apart, seconds=0),
        "local AWS": watch.start(
            "aws", ["python", "-m", "tests.silence.local_cloud", str(work / "aws")], {}, seconds=0
        ),
    }
    return {name: one.ended() for name, one in started.items()}


def test_a_library_that_reports_is_noticed(runs):
    """Else the other tests here could not fail."""
    assert runs["told to report"].asked == {MAKERS}
    assert left_behind(runs["told to report"])
    assert runs["cdk told to ask"].asked == {NOTICES}


@pytest.mark.parametrize("part", ["camera", "lambda", "generic", "training", "cdk", "local AWS"])
def test_no_name_is_looked_up_and_no_device_is_numbered(runs, part):
    run = runs[part]
    assert run.status in (0, 124), run.output  # 124: it ran until it was ended
    assert (run.asked, left_behind(run)) == (frozenset(), []), run.output


def test_what_make_starts_is_told_to_keep_still():
    """Also where a program is started that does not begin with a package of ours."""
    shown = subprocess.run(
        ["make", "--silent", "--eval", "show-environment: ; @env", "show-environment"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    wanted = {*(f"{name}={value}" for name, value in QUIET.items()), *CDK}
    assert wanted <= set(shown)


def test_the_sdk_of_the_notebook_is_told_for_every_session():
    """Some of its functions make a session of their own, which no cell has configured."""
    python = ROOT / ".venv-sdk" / "bin" / "python"
    if not python.exists():
        pytest.skip("SageMaker's SDK is not installed: `make sdk`")
    program = (
        "import helpers, json, os\n"
        "from sagemaker.core.config.config import load_sagemaker_config\n"
        "print(json.dumps([load_sagemaker_config(), os.environ['ORT_DISABLE_TELEMETRY']]))\n"
    )
    done = subprocess.run(
        [str(python), "-c", program],
        cwd=ROOT / "training" / "notebooks",
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    configured, quiet = json.loads(done.stdout.splitlines()[-1])
    assert configured["SageMaker"]["PythonSDK"]["Modules"]["TelemetryOptOut"] is True
    assert quiet == "1"


@pytest.mark.skipif(
    os.environ.get("BINSIGHT_WATCH_REHEARSAL") != "1",
    reason="takes minutes: BINSIGHT_WATCH_REHEARSAL=1 watches the whole rehearsal",
)
def test_the_whole_rehearsal_looks_up_no_name(watch):
    command = ["python", "-m", "rehearsal", "run", "--environment", "dev", "--dataset", ""]
    command += ["--weights", "", "--port", "4566"]
    run = watch.start("rehearsal", command, {}, seconds=0).ended(1800)
    assert run.status == 0, run.output
    assert (run.asked, left_behind(run)) == (frozenset(), []), run.output
    assert Path(ROOT / ".rehearsal" / "report.json").is_file()
