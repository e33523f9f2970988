# SPDX-License-Identifier: Apache-2.0
"""Small pieces that a SageMaker pipeline definition is written with."""

from collections.abc import Sequence
from typing import Any

MAXIMUM_ENTRYPOINT_CHARACTERS = 256
"""SageMaker's limit for one string of a container's entry point or arguments."""

PROCESSING = "/opt/ml/processing"
TRAINING_DATA = "/opt/ml/input/data"


def get(name: str) -> dict[str, str]:
    """A value that is known when the pipeline runs."""
    return {"Get": name}


def join(*parts: Any) -> dict[str, Any]:
    """Text put together when the pipeline runs."""
    return {"Std:Join": {"On": "", "Values": list(parts)}}


def text(name: str) -> dict[str, Any]:
    """A number as text, where the service takes text only."""
    return join(get(name))


def output_of(step: str, output: str) -> dict[str, str]:
    """Where a processing step left one of its outputs."""
    return get(f"Steps.{step}.ProcessingOutputConfig.Outputs['{output}'].S3Output.S3Uri")


def entrypoint(code: str) -> list[str]:
    """Unpack the code archive that lies in the folder ``code`` and run its entry script.

    The container's arguments follow: which step, and what it is told. Python unpacks, because no
    image promises to have unzip.
    """
    script = (
        f'set -eu; w=$(mktemp -d); python3 -m zipfile -e {code}/*.zip "$w"; cd "$w"; '
        'exec bash training/entrypoint.sh "$@"'
    )
    return ["/bin/bash", "-c", script, "--"]


def cluster(*, volume_gb: int, key_arn: str) -> dict[str, Any]:
    """One machine of the size that the execution asks for, with an encrypted disk."""
    return {
        "InstanceCount": 1,
        "InstanceType": get("Parameters.InstanceType"),
        "VolumeSizeInGB": volume_gb,
        "VolumeKmsKeyId": key_arn,
    }


def processing_input(name: str, uri: Any, *, kind: str = "S3Prefix") -> dict[str, Any]:
    """Files from S3 in the folder that carries the input's name."""
    return {
        "InputName": name,
        "AppManaged": False,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{PROCESSING}/input/{name}",
            "S3DataType": kind,
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def processing_output(name: str, uri: Any) -> dict[str, Any]:
    """What the step leaves in the folder that carries the output's name goes to S3 at its end."""
    return {
        "OutputName": name,
        "AppManaged": False,
        "S3Output": {
            "S3Uri": uri,
            "LocalPath": f"{PROCESSING}/output/{name}",
            "S3UploadMode": "EndOfJob",
        },
    }


def training_channel(name: str, uri: Any) -> dict[str, Any]:
    """Files from S3 in the folder that carries the channel's name."""
    return {
        "ChannelName": name,
        "InputMode": "File",
        "DataSource": {
            "S3DataSource": {
                "S3Uri": uri,
                "S3DataType": "S3Prefix",
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }


def run_folder(bucket: str, name: str) -> dict[str, Any]:
    """Where this execution leaves what is not a model."""
    return join(f"s3://{bucket}/runs/", get("Execution.PipelineExecutionId"), f"/{name}")


def model_folder(bucket: str) -> dict[str, Any]:
    """Where this execution leaves its model."""
    return join(f"s3://{bucket}/models/", get("Execution.PipelineExecutionId"))


def parameters(values: Sequence[tuple[str, str, str | float]]) -> list[dict[str, Any]]:
    """Pipeline parameters from (name, type, default)."""
    return [{"Name": name, "Type": kind, "DefaultValue": default} for name, kind, default in values]
