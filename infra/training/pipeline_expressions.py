# SPDX-License-Identifier: Apache-2.0
"""Building blocks of a SageMaker pipeline definition."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.config.training_machines import SMALLEST_LOCAL_DISK_GB, Machine

MAXIMUM_ARGUMENT_CHARACTERS = 256
"""SageMaker's limit for one string of a container's entry point, arguments or environment."""

PROCESSING = "/opt/ml/processing"
TRAINING_DATA = "/opt/ml/input/data"


def get(name: str) -> dict[str, str]:
    """A value that is resolved when the pipeline runs."""
    return {"Get": name}


def join(*parts: Any) -> dict[str, Any]:
    """Text that is joined when the pipeline runs."""
    return {"Std:Join": {"On": "", "Values": list(parts)}}


def text(name: str) -> dict[str, Any]:
    """A number as text, for fields that accept only text."""
    return join(get(name))


def measured(path: str) -> dict[str, Any]:
    """The value at a dotted path of evaluation.json."""
    return {
        "Std:JsonGet": {
            "PropertyFile": get("Steps.Evaluate.PropertyFiles.Evaluation"),
            "Path": path,
        }
    }


def output_of(step: str, output: str) -> dict[str, str]:
    """The S3 location of a processing step's output.

    It is resolved from the step, not the execution, because a reused step wrote it in an earlier
    execution.
    """
    return get(f"Steps.{step}.ProcessingOutputConfig.Outputs['{output}'].S3Output.S3Uri")


def entrypoint(code: str) -> list[str]:
    """The command that unpacks the code archive in the folder ``code`` and runs its entry script.

    The container's arguments follow: the step and its arguments. Python unpacks the archive,
    because an image may lack unzip.
    """
    script = (
        f'set -eu; w=$(mktemp -d); python3 -m zipfile -e {code}/*.zip "$w"; cd "$w"; '
        'exec bash training/entrypoint.sh "$@"'
    )
    return ["/bin/bash", "-c", script, "--"]


def in_pieces(value: str) -> list[str]:
    """Text split into container arguments of the allowed length; the step joins them again."""
    size = MAXIMUM_ARGUMENT_CHARACTERS
    return [value[start : start + size] for start in range(0, len(value), size)]


def machines(
    parameter: str, machine: Machine, *, count: Any, volume_gb: int, key_arn: str
) -> dict[str, Any]:
    """Machines of the size that the execution's parameter names, with encrypted disks.

    ``machine`` is the parameter's default; the others that it allows have the same disks.
    """
    cluster = {
        "InstanceCount": count,
        "InstanceType": get(f"Parameters.{parameter}"),
        "VolumeSizeInGB": volume_gb,
        "VolumeKmsKeyId": key_arn,
    }
    if machine.local_disk:
        # The hardware encrypts these disks, and SageMaker refuses a key. Their size is fixed, and
        # SageMaker refuses a larger one.
        del cluster["VolumeKmsKeyId"]
        cluster["VolumeSizeInGB"] = min(volume_gb, SMALLEST_LOCAL_DISK_GB)
    return cluster


def processing_input(name: str, uri: Any, *, kind: str = "S3Prefix") -> dict[str, Any]:
    """Files from S3, in the folder with the input's name."""
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
    """Files in the folder with the output's name, which are uploaded to S3 when the step ends."""
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
    """Files from S3, in the folder with the channel's name."""
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
    """The S3 folder for everything that this execution writes except the model."""
    return join(f"s3://{bucket}/runs/", get("Execution.PipelineExecutionId"), f"/{name}")


def model_folder(bucket: str) -> dict[str, Any]:
    """The S3 folder for this execution's model."""
    return join(f"s3://{bucket}/models/", get("Execution.PipelineExecutionId"))


def parameters(
    values: Sequence[tuple[str, str, str | float | None]], *, allowed: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Pipeline parameters from (name, type, default); without a default one must be given.

    ``allowed``: by name, the values of a parameter; SageMaker refuses others at the start.
    """
    return [
        {
            "Name": name,
            "Type": kind,
            **({} if default is None else {"DefaultValue": default}),
            **({"EnumValues": list(allowed[name])} if name in allowed else {}),
        }
        for name, kind, default in values
    ]


def retries(*, job: bool) -> list[dict[str, Any]]:
    """Retry transient failures: a busy service, a zone without capacity, a broken machine.

    ``job``: the step runs a job, which can also fail because no machine is available.
    """
    policies = [
        {
            "ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"],
            "IntervalSeconds": 10,
            "BackoffRate": 2.0,
            "MaxAttempts": 6,
        }
    ]
    if job:
        policies += [
            {
                "ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"],
                "IntervalSeconds": 60,
                "BackoffRate": 2.0,
                "MaxAttempts": 2,
            },
            {
                # Capacity returns within minutes or hours, not seconds.
                "ExceptionType": ["SageMaker.CAPACITY_ERROR"],
                "IntervalSeconds": 300,
                "BackoffRate": 2.0,
                "MaxAttempts": 5,
            },
            {
                # Another job may be using the quota. If the quota is 0, the step fails within a
                # quarter of an hour, and an increase must be requested.
                "ExceptionType": ["SageMaker.RESOURCE_LIMIT"],
                "IntervalSeconds": 300,
                "BackoffRate": 2.0,
                "MaxAttempts": 2,
            },
        ]
    return policies


def cache(days: int) -> dict[str, Any]:
    """Reuse the result of an earlier execution of the step for this many days; never for 0 days."""
    return {"CacheConfig": {"Enabled": True, "ExpireAfter": f"P{days}D"}} if days else {}
