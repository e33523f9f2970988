# SPDX-License-Identifier: Apache-2.0
"""The generic packaging: its recipe, its configuration, its process."""

import inspect
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import camera_component
import pytest

from camera.settings import from_environment
from contracts.inference_recipe import (
    ARCHITECTURES,
    artifact_name,
    inference_recipe,
)
from contracts.recipes import RecipeError
from contracts.topics import Topics
from tests.camera.test_settings import GOOD

ROOT = Path(__file__).parents[2]
CONFIGURATION = {
    "BINSIGHT_TOPIC_PREFIX": "binsight-dev",
    "BINSIGHT_SOURCE": "v4l2:/dev/video0?width=1280&height=720",
    "BINSIGHT_MODEL_FOLDER": "/var/lib/binsight/models",
    "BINSIGHT_BINS": {
        "classes": {"glass": "recycling", "food waste": "compost"},
        "default": "landfill",
        "unsure_below": 0.4,
    },
    "BINSIGHT_TELEMETRY_SECONDS": 60,
    "BINSIGHT_SMOOTHING_FRAMES": 5.0,
    "BINSIGHT_PAGE": "off",
}
FOLDER = "s3://artifacts/components/binsight-dev.Inference/1.2.3"


def build(**changed):
    values = {
        "component": "binsight-dev.Inference",
        "version": "1.2.3",
        "artifacts": {cpu: f"{FOLDER}/{artifact_name(cpu)}" for cpu in ARCHITECTURES},
        "topics": Topics("binsight-dev"),
        "configuration": CONFIGURATION,
    }
    return inference_recipe(**{**values, **changed})


def test_the_recipe_is_a_few_lines_for_both_processors_and_both_nuclei():
    text = build()
    assert len(text) < 3000
    document = json.loads(text)
    for manifest, (cpu, name) in zip(
        document["Manifests"], sorted(ARCHITECTURES.items()), strict=True
    ):
        starter = f"{{artifacts:decompressedPath}}/inference-{cpu}/start.sh"
        assert manifest["Platform"] == {"os": "linux", "runtime": "*", "architecture": name}
        assert manifest["Lifecycle"]["run"]["Script"] == f"exec sh {starter} run"
        prepare = f'sh {starter} prepare "{{configuration:/BINSIGHT_MODEL_FOLDER}}"'
        assert manifest["Lifecycle"]["install"]["Script"] == prepare
        [artifact] = manifest["Artifacts"]
        assert artifact == {"Uri": f"{FOLDER}/inference-{cpu}.zip", "Unarchive": "ZIP"}
    access = document["ComponentConfiguration"]["DefaultConfiguration"]["accessControl"]
    assert json.dumps(access).count("binsight-dev/{iot:thingName}/") == 3
    assert "ComponentDependencies" not in document


def test_uploads_need_the_device_s_credentials():
    document = json.loads(build(uploads=True))
    assert document["ComponentDependencies"] == {
        "aws.greengrass.TokenExchangeService": {
            "VersionRequirement": ">=2.0.0 <3.0.0",
            "DependencyType": "SOFT",
        }
    }


def test_a_processor_without_artifact_is_refused():
    with pytest.raises(ValueError, match="'arm64': one of x86_64, aarch64"):
        artifact_name("arm64")


def test_a_configuration_that_nucleus_lite_would_refuse_is_refused():
    with pytest.raises(RecipeError, match="configuration /BINSIGHT_SOURCE: over 1000 characters"):
        build(configuration={**CONFIGURATION, "BINSIGHT_SOURCE": "x" * 1001})


def test_the_configuration_says_the_same_as_the_lambda_s_variables():
    variables = camera_component.environment_of(
        {**CONFIGURATION, "accessControl": {}, "BINSIGHT_NEW_KNOB": [1]}
    )
    settings = from_environment({"AWS_IOT_THING_NAME": "cam-1", **variables})
    assert settings.source == CONFIGURATION["BINSIGHT_SOURCE"]
    assert settings.bins.bin_for("food waste", 0.9) == "compost"
    assert (settings.telemetry_seconds, settings.smoothing_frames) == (60, 5)
    assert settings.unknown == ("BINSIGHT_NEW_KNOB",)


def test_it_is_read_through_the_core(monkeypatch):
    monkeypatch.setenv("SVCUID", "x")
    asked = []

    class Core:
        def get_configuration(self, *, key_path):
            asked.append(key_path)
            return SimpleNamespace(value=CONFIGURATION)

        def close(self, *, executor_wait):
            asked.append("closed")

    assert camera_component._configuration(Core)["BINSIGHT_TOPIC_PREFIX"] == "binsight-dev"
    assert asked == [[], "closed"]
    client = pytest.importorskip("awsiot.greengrasscoreipc.clientv2").GreengrassCoreIPCClientV2
    assert "key_path" in inspect.signature(client.get_configuration).parameters


def test_a_core_that_does_not_answer_ends_it_with_the_reason(monkeypatch, capsys):
    monkeypatch.setenv("SVCUID", "x")

    def refuse():
        raise ConnectionRefusedError("socket")

    assert camera_component.main(refuse) == 2
    assert "component configuration: ConnectionRefusedError: socket" in capsys.readouterr().err


def start(environment):
    return subprocess.Popen(
        [sys.executable, "-u", str(ROOT / "lambda/inference/camera_component.py")],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_process_runs_until_it_is_told_to_end(tmp_path):
    process = start(
        {
            **GOOD,
            "BINSIGHT_SOURCE": f"dir:{tmp_path}?follow=1",
            "BINSIGHT_MODEL_FOLDER": str(tmp_path / "models"),
            "BINSIGHT_PUBLISHER": "print",
        }
    )
    for line in process.stdout:
        if "/telemetry " in line:
            assert "no model adopted yet" in line
            break
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    process.stdout.close()


def test_a_wrong_setting_ends_it_with_the_reason(tmp_path):
    process = start({**GOOD, "BINSIGHT_BINS": "{}"})
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "BINSIGHT_BINS = '{}'" in output
