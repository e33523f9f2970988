# SPDX-License-Identifier: Apache-2.0
"""Processing and Training jobs: bring the inputs, run the container, keep the outputs.

Each returns the document that the Describe call of the job answers, which is also what
`Steps.<name>` shows to the steps after it.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.local_aws import objects
from rehearsal.local_aws.local_job import JobContext, JobError, LocalJob, job_environment
from rehearsal.local_aws.wire import AwsError, Document, arn, now

DEFAULT_RUNTIME_SECONDS = 86400
_SAFE_NAME = re.compile(r"[^A-Za-z0-9-]+")


def job_name(execution_id: str, step: str, suffix: str) -> str:
    """The name SageMaker gives a job of a pipeline step."""
    return _SAFE_NAME.sub("-", f"pipelines-{execution_id}-{step}-{suffix}")[:63]


def run_processing(
    arguments: Mapping[str, Any], *, name: str, folder: Path, context: JobContext
) -> Document:
    """A Processing job: ProcessingInputs, the container, ProcessingOutputConfig."""
    job = LocalJob(folder, context, job_environment(arguments))
    started = _prepare(job)
    for item in arguments.get("ProcessingInputs") or []:
        source = item["S3Input"]
        _download(job, source["S3Uri"], source["LocalPath"], source.get("S3DataType", "S3Prefix"))
    outputs = (arguments.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    for item in outputs:
        job.path(item["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
    specification = arguments["AppSpecification"]
    _write_json(job.root / "config/processingjobconfig.json", dict(arguments))
    _run(job, arguments, specification)
    for item in outputs:
        _upload(job.path(item["S3Output"]["LocalPath"]), item["S3Output"]["S3Uri"])
    # SageMaker shows outputs by name, so that a reference can pick one.
    by_name = {item["OutputName"]: item for item in outputs}
    return {
        **arguments,
        "ProcessingJobName": name,
        "ProcessingJobArn": arn("sagemaker", f"processing-job/{name}"),
        "ProcessingJobStatus": "Completed",
        "ProcessingOutputConfig": {"Outputs": by_name},
        "CreationTime": started,
        "ProcessingStartTime": started,
        "ProcessingEndTime": now(),
        "_log": str(job.log),
    }


def run_training(
    arguments: Mapping[str, Any], *, name: str, folder: Path, context: JobContext
) -> Document:
    """A Training job: channels, hyperparameters, the container, model.tar.gz."""
    channels = [item["ChannelName"] for item in arguments.get("InputDataConfig") or []]
    hyper = {key: str(value) for key, value in (arguments.get("HyperParameters") or {}).items()}
    job = LocalJob(folder, context)
    # Framework images set these; a container that reads only /opt/ml finds the same files there.
    job.environment = {
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_OUTPUT_DIR": "/opt/ml/output",
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_HPS": json.dumps(hyper),
        "SM_CHANNELS": json.dumps(channels),
        **{f"SM_CHANNEL_{name.upper()}": f"/opt/ml/input/data/{name}" for name in channels},
        "TRAINING_JOB_NAME": name,
        **job_environment(arguments),
    }
    started = _prepare(job)
    (job.root / "model").mkdir()
    (job.root / "output/data").mkdir()
    for item in arguments.get("InputDataConfig") or []:
        source = item["DataSource"]["S3DataSource"]
        target = f"/opt/ml/input/data/{item['ChannelName']}"
        _download(job, source["S3Uri"], target, source.get("S3DataType", "S3Prefix"))
    _write_json(job.root / "input/config/hyperparameters.json", hyper)
    _write_json(job.root / "input/config/inputdataconfig.json", {name: {} for name in channels})
    specification = arguments["AlgorithmSpecification"]
    _run(job, arguments, specification)
    target = arguments["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    model_uri = f"{target}/{name}/output/model.tar.gz"
    objects.write(*objects.parse(model_uri), _tar(job.root / "model"))
    if any((job.root / "output/data").iterdir()):
        objects.write(
            *objects.parse(f"{target}/{name}/output/output.tar.gz"), _tar(job.root / "output/data")
        )
    return {
        **arguments,
        "TrainingJobName": name,
        "TrainingJobArn": arn("sagemaker", f"training-job/{name}"),
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "ModelArtifacts": {"S3ModelArtifacts": model_uri},
        "FinalMetricDataList": _metrics(job, specification.get("MetricDefinitions") or []),
        "CreationTime": started,
        "TrainingStartTime": started,
        "TrainingEndTime": now(),
        "_log": str(job.log),
    }


def _prepare(job: LocalJob) -> float:
    job.prepare()
    resources = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "lo"}
    _write_json(job.root / "input/config/resourceconfig.json", resources)
    _write_json(job.root / "config/resourceconfig.json", resources)
    return now()


def _run(job: LocalJob, arguments: Mapping[str, Any], specification: Mapping[str, Any]) -> None:
    entrypoint = specification.get("ContainerEntrypoint")
    if not entrypoint:
        raise JobError(
            "ClientError: the local AWS has no container images; ContainerEntrypoint is needed"
        )
    limit = (arguments.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds")
    container = [str(part) for part in specification.get("ContainerArguments") or []]
    job.run([*entrypoint, *container], timeout=float(limit or DEFAULT_RUNTIME_SECONDS))


def _download(job: LocalJob, uri: str, local_path: str, kind: str) -> None:
    """Copy an input; a prefix that matches nothing fails the job as it does on SageMaker."""
    target = job.path(local_path)
    target.mkdir(parents=True, exist_ok=True)
    bucket, key = objects.parse(uri)
    try:
        pairs = _manifest(bucket, key) if kind == "ManifestFile" else _prefix(bucket, key)
        if not pairs:
            raise JobError(f"ClientError: No S3 objects found under S3 URL {uri!r}")
        for source_bucket, source_key, name in pairs:
            file = target / name
            if not file.resolve().is_relative_to(target.resolve()):
                raise JobError(f"ClientError: {uri}: the name {name!r} leaves the input folder")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(objects.read(source_bucket, source_key))
    except AwsError as error:
        raise JobError(f"ClientError: Data download failed: {error.message}") from error


def _prefix(bucket: str, prefix: str) -> list[tuple[str, str, str]]:
    """Objects under a prefix by their name below it; the prefix may be one object."""
    found = []
    for key in objects.keys(bucket, prefix):
        if key == prefix:
            name = key.rpartition("/")[2]
        else:
            name = key[len(prefix) :].lstrip("/")
            if not prefix.endswith("/") and prefix and key[len(prefix)] != "/":
                # `s3://bucket/a` also matches `ab/c`: the part after the last slash stays.
                name = key[prefix.rfind("/") + 1 :]
        if name and not key.endswith("/"):
            found.append((bucket, key, name))
    return found


def _manifest(bucket: str, key: str) -> list[tuple[str, str, str]]:
    """SageMaker's ManifestFile: a prefix and the names below it."""
    try:
        document = json.loads(objects.read(bucket, key))
        prefix = document[0]["prefix"]
        names = [name for name in document[1:] if isinstance(name, str)]
    except (ValueError, LookupError, TypeError) as error:
        raise JobError(
            f"ClientError: s3://{bucket}/{key} is not a manifest: expected "
            '[{"prefix": "s3://bucket/prefix/"}, "name", ...]'
        ) from error
    source_bucket, source_prefix = objects.parse(prefix)
    return [(source_bucket, source_prefix + name, name) for name in names]


def _upload(folder: Path, uri: str) -> None:
    bucket, prefix = objects.parse(uri)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        objects.write(bucket, f"{prefix.rstrip('/')}/{name}" if prefix else name, file.read_bytes())


def _tar(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, arcname=path.name)
    return buffer.getvalue()


def _metrics(job: LocalJob, definitions: list[Mapping[str, str]]) -> list[Document]:
    """The last value of each metric that the log shows."""
    lines = "\n".join(job.log_lines())
    found = []
    for definition in definitions:
        matches = re.findall(definition["Regex"], lines)
        if matches:
            last = matches[-1][0] if isinstance(matches[-1], tuple) else matches[-1]
            found.append(
                {"MetricName": definition["Name"], "Value": float(last), "Timestamp": now()}
            )
    return found


def _write_json(file: Path, document: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, default=str))
