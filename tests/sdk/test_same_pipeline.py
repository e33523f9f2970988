# SPDX-License-Identifier: Apache-2.0
"""The pipeline that we write is the one that SageMaker's SDK builds, but for what is listed here.

The SDK has an environment of its own (`make sdk`): without it these tests are skipped.
"""

import copy
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from contracts.bins import BinPolicy
from infra.config.regions import training_image
from infra.config.training import TrainingSettings
from infra.config.training_machines import MACHINES, sizes
from infra.training.pipeline_definition import pipeline_definition
from infra.training.pipeline_steps import PipelineSteps
from ministack_edge.process import LocalAws, free_port
from tests.conftest import ROOT
from tests.sdk.shape import differences, unexplained

ACCOUNT, REGION = "111111111111", "us-east-1"
PYTHON = ROOT / ".venv-sdk" / "bin" / "python"
SETTINGS = TrainingSettings(spot=True)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/training-jobs"
BINS = BinPolicy({"glass": "recycling"}).to_json()

INTENDED = {
    r"^/(Metadata|MlflowConfig)": "the SDK always writes them, empty",
    r"^/PipelineExperimentConfig": "the SDK makes an experiment per execution; we need none, and "
    "a role that may not make experiments",
    r"/S3Input/S3CompressionType$": "the SDK writes its default, None",
    r"^/Steps\[Train\].*/Container(Entrypoint|Arguments)": "the SDK starts its own driver script; "
    "we start our entry script, without a toolkit",
    r"^/Steps\[Train\]/Arguments/InputDataConfig(#|\[sm_drivers\])": "the channel of that driver",
    r"/AppSpecification/ContainerEntrypoint": "ours unpacks the code archive first",
    r"\[Register\]/Arguments/InferenceSpecification/Containers\[0\]/Environment": "variables of "
    "the SDK's inference toolkit, which the cameras do not have",
    r"\[Register\]/Arguments/ModelMetrics/(Bias|Explainability)$": "the SDK writes them empty",
    r"\[Register\]/Arguments/SkipModelValidation$": "the SDK writes the default, None",
}
"""What differs on purpose, by pattern of the path, each with its reason."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The definition that the SDK builds; it asks S3, IAM and STS for that, here the local AWS."""
    if not PYTHON.exists():
        pytest.skip(f"{PYTHON.parent.parent.name} is absent: `make sdk` installs SageMaker's SDK")
    folder = tmp_path_factory.mktemp("sdk")
    values, definition = folder / "values.json", folder / "definition.json"
    values.write_text(json.dumps(_values()))
    with LocalAws(port=free_port(), work=folder / "aws", enforce=False) as aws:
        boto3.client(
            "s3",
            endpoint_url=aws.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
        ).create_bucket(Bucket="artifacts")
        environment = {
            **aws.client_environment(account=ACCOUNT, region=REGION),
            "SAGEMAKER_VALIDATE_ROLE": "false",
            "HOME": str(folder),
        }
        command = [PYTHON, Path(__file__).with_name("build_pipeline.py"), values, definition]
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(definition.read_text()))


def _values() -> dict[str, Any]:
    names = ("instance_type", "network", "weights", "epochs", "image_size")
    limits = (
        *("minimum_item_accuracy", "minimum_accuracy", "minimum_recall"),
        *("maximum_int8_loss", "tolerance", "maximum_forgetting"),
    )
    return {
        **{name: getattr(SETTINGS, name) for name in (*names, *limits)},
        "manifest": f"{SETTINGS.dataset}/manifest.json",
        "image": training_image(REGION),
        "processing_instance_type": SETTINGS.processing_machine.name,
        "sizes": sizes(SETTINGS.instance_type),
        "role": ROLE,
        "key": "key",
        "code": "s3://assets/code.zip",
        "dataset": "photos",
        "artifacts": "artifacts",
        "group": "models",
        "bins": BINS,
        "tags": [{"Key": "project", "Value": "binsight"}],
    }


def ours() -> dict[str, Any]:
    return pipeline_definition(
        PipelineSteps(
            image=training_image(REGION),
            training_image=training_image(REGION),
            region=REGION,
            role_arn=ROLE,
            key_arn="key",
            code_uri="s3://assets/code.zip",
            dataset_bucket="photos",
            artifacts_bucket="artifacts",
            model_package_group="models",
            bins=BINS,
            training=SETTINGS,
            tags={"project": "binsight"},
        )
    )


def test_it_is_the_pipeline_that_the_sdk_builds(built: dict[str, Any]) -> None:
    assert unexplained(differences(ours(), built), INTENDED) == {}


def test_every_listed_difference_is_there(built: dict[str, Any]) -> None:
    found = differences(ours(), built)
    gone = [pattern for pattern in INTENDED if not any(re.search(pattern, path) for path in found)]
    assert gone == []


def test_the_sdk_knows_the_same_machines_to_have_disks_of_their_own() -> None:
    """For these it leaves the key out, too. G7 and P6-B300 have some that it does not know."""
    if not PYTHON.exists():
        pytest.skip(f"{PYTHON.parent.parent.name} is absent: `make sdk` installs SageMaker's SDK")
    ask = (
        "import json, sys; from sagemaker.core import common_utils as them; "
        "found = [name for name in sys.argv[1:] if not them.instance_supports_kms(name)]; "
        "print(json.dumps(found))"
    )
    done = subprocess.run(
        [PYTHON, "-c", ask, *MACHINES], capture_output=True, text=True, timeout=120, check=True
    )
    ours = {name for name, machine in MACHINES.items() if machine.local_disk}
    assert ours - set(json.loads(done.stdout)) == {
        *sizes("ml.g7.2xlarge"),
        "ml.p6-b300.48xlarge",
    }
    assert set(json.loads(done.stdout)) <= ours


def _step(definition: dict[str, Any], name: str) -> dict[str, Any]:
    return next(step for step in definition["Steps"] if step["Name"] == name)


def _gate(definition: dict[str, Any]) -> dict[str, Any]:
    return dict(_step(definition, "Gate")["Arguments"])


MUTATIONS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a step is lost": lambda it: it["Steps"].pop(0),
    "a step is added": lambda it: it["Steps"].append({"Name": "More", "Type": "Fail"}),
    "steps change places": lambda it: it["Steps"].insert(0, it["Steps"].pop(1)),
    "a parameter is lost": lambda it: it["Parameters"].pop(),
    "a parameter is added": lambda it: it["Parameters"].append({"Name": "X", "Type": "String"}),
    "a default changes": lambda it: it["Parameters"][5].update(DefaultValue=1),
    "any machine may be asked for": lambda it: it["Parameters"][2].pop("EnumValues"),
    "a channel is lost": lambda it: _step(it, "Train")["Arguments"]["InputDataConfig"].pop(),
    "an input reads elsewhere": lambda it: _step(it, "Evaluate")["Arguments"]["ProcessingInputs"][
        1
    ]["S3Input"].update(S3Uri="s3://elsewhere"),
    "the gate asks for less": lambda it: _gate(it)["Conditions"][0].update(RightValue=0),
    "nothing is refused": lambda it: _gate(it)["ElseSteps"].clear(),
    "metadata is lost": lambda it: _gate(it)["IfSteps"][0]["Arguments"][
        "CustomerMetadataProperties"
    ].popitem(),
    "caching is lost": lambda it: _step(it, "Prepare").pop("CacheConfig"),
    "retries are lost": lambda it: _step(it, "Train")["RetryPolicies"].pop(),
    "spot is lost": lambda it: _step(it, "Train")["Arguments"].pop("EnableManagedSpotTraining"),
    "a disk is not encrypted": lambda it: _step(it, "Train")["Arguments"]["ResourceConfig"].pop(
        "VolumeKmsKeyId"
    ),
    "an option is lost": lambda it: _step(it, "Evaluate")["Arguments"]["AppSpecification"][
        "ContainerArguments"
    ].pop(),
}


@pytest.mark.parametrize("change", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_change_of_ours_is_noticed(
    built: dict[str, Any], change: Callable[[dict[str, Any]], object]
) -> None:
    changed = copy.deepcopy(ours())
    change(changed)
    assert unexplained(differences(changed, built), INTENDED) != {}
