# SPDX-License-Identifier: Apache-2.0
"""Processing and Training jobs: bring the inputs, run the container, keep the outputs.

Each returns the document that the Describe call of the job answers, which is also what
`Steps.<name>` shows to the steps after it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack_edge.protocol import Document, arn, now
from ministack_edge.sagemaker.job_actors import start_job
from ministack_edge.sagemaker.job_data import download, restore, tar, upload
from ministack_edge.sagemaker.job_machines import gather, machines, resources, run_together
from ministack_edge.sagemaker.local_job import (
    JobContext,
    JobError,
    JobInterruptedError,
    LocalJob,
    job_environment,
)
from ministack_edge.storage import objects

DEFAULT_RUNTIME_SECONDS = 86400
CHECKPOINTS = "/opt/ml/checkpoints"
_SAFE_NAME = re.compile(r"[^A-Za-z0-9-]+")


def job_name(execution_id: str, step: str, suffix: str) -> str:
    """The name SageMaker gives a job of a pipeline step."""
    return _SAFE_NAME.sub("-", f"pipelines-{execution_id}-{step}-{suffix}")[:63]


def run_processing(
    arguments: Mapping[str, Any], *, name: str, folder: Path, context: JobContext, note: str = ""
) -> Document:
    """A Processing job: ProcessingInputs, the container, ProcessingOutputConfig."""
    actor = start_job(context.pipeline, "Processing", name, arguments)
    job = LocalJob(folder, context, job_environment(arguments), actor=actor, note=note)
    cluster = (arguments.get("ProcessingResources") or {}).get("ClusterConfig") or {}
    started = _prepare(job, cluster)
    for item in arguments.get("ProcessingInputs") or []:
        source = item["S3Input"]
        download(job, source["S3Uri"], source["LocalPath"], source.get("S3DataType", "S3Prefix"))
    outputs = (arguments.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    for item in outputs:
        job.path(item["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
    specification = arguments["AppSpecification"]
    _write_json(job.root / "config/processingjobconfig.json", dict(arguments))
    _run([job], arguments, specification)
    for item in outputs:
        upload(job, job.path(item["S3Output"]["LocalPath"]), item["S3Output"]["S3Uri"])
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
    arguments: Mapping[str, Any], *, name: str, folder: Path, context: JobContext, note: str = ""
) -> Document:
    """A Training job: channels, hyperparameters, the container, model.tar.gz.

    With managed spot training a job whose container is ended by SIGTERM is begun anew with the
    checkpoints that it left, as on a new machine.
    """
    channels = [item["ChannelName"] for item in arguments.get("InputDataConfig") or []]
    hyper = dict(arguments.get("HyperParameters") or {})
    checkpoints = arguments.get("CheckpointConfig") or {}
    kept_in = checkpoints.get("LocalPath", CHECKPOINTS)
    actor = start_job(context.pipeline, "Training", name, arguments)
    job = LocalJob(folder, context, actor=actor, note=note)
    # Framework images set these; a container that reads only /opt/ml finds the same files there.
    job.environment = {
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_OUTPUT_DIR": "/opt/ml/output",
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_CHECKPOINT_DIR": kept_in,
        "SM_HPS": json.dumps(hyper),
        "SM_CHANNELS": json.dumps(channels),
        **{f"SM_CHANNEL_{name.upper()}": f"/opt/ml/input/data/{name}" for name in channels},
        "TRAINING_JOB_NAME": name,
        **job_environment(arguments),
    }
    cluster = machines(job, int((arguments.get("ResourceConfig") or {}).get("InstanceCount", 1)))
    deadline = time.monotonic() + _longest(arguments)
    interrupted: list[float] = []
    started = now()
    while True:
        for number, machine in enumerate(cluster):
            _prepare_training(machine, arguments, hyper, again=bool(interrupted))
            found = resources(number, len(cluster), _type(arguments.get("ResourceConfig")))
            _write_json(machine.root / "input/config/resourceconfig.json", found)
            if checkpoints:
                restore(machine, checkpoints["S3Uri"], kept_in)
        try:
            _run(cluster, arguments, arguments["AlgorithmSpecification"])
            break
        except JobInterruptedError:
            if not arguments.get("EnableManagedSpotTraining"):
                raise
            interrupted.append(now())
            if time.monotonic() > deadline:
                raise JobError("ClientError: MaxWaitTimeExceeded") from None
        finally:
            if checkpoints:
                upload(job, job.path(kept_in), checkpoints["S3Uri"])
    return {
        **arguments,
        "TrainingJobName": name,
        "TrainingJobArn": arn("sagemaker", f"training-job/{name}"),
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "SecondaryStatusTransitions": _transitions(started, interrupted),
        "ModelArtifacts": {"S3ModelArtifacts": _keep_results(cluster, arguments, name)},
        "FinalMetricDataList": _metrics(
            job, arguments["AlgorithmSpecification"].get("MetricDefinitions") or []
        ),
        "CreationTime": started,
        "TrainingStartTime": started,
        "TrainingEndTime": now(),
        "_log": str(job.log),
    }


def _prepare_training(
    job: LocalJob, arguments: Mapping[str, Any], hyper: Mapping[str, str], *, again: bool
) -> None:
    _prepare(job, arguments.get("ResourceConfig"), again=again)
    (job.root / "model").mkdir()
    (job.root / "output/data").mkdir()
    channels = arguments.get("InputDataConfig") or []
    for item in channels:
        source = item["DataSource"]["S3DataSource"]
        target = f"/opt/ml/input/data/{item['ChannelName']}"
        download(job, source["S3Uri"], target, source.get("S3DataType", "S3Prefix"))
    config = job.root / "input/config"
    _write_json(config / "hyperparameters.json", hyper)
    _write_json(config / "inputdataconfig.json", {item["ChannelName"]: {} for item in channels})


def _keep_results(cluster: list[LocalJob], arguments: Mapping[str, Any], name: str) -> str:
    """Pack the model, and the other output if there is any; return where the model is."""
    target = f"{arguments['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{name}/output"
    storage = cluster[0].storage
    storage.write(*objects.parse(f"{target}/model.tar.gz"), tar(gather(cluster, "model")))
    other = gather(cluster, "output/data")
    if any(other.iterdir()):
        storage.write(*objects.parse(f"{target}/output.tar.gz"), tar(other))
    return f"{target}/model.tar.gz"


def _type(cluster: Mapping[str, Any] | None) -> str:
    return str((cluster or {}).get("InstanceType", ""))


def _longest(arguments: Mapping[str, Any]) -> float:
    limits = arguments.get("StoppingCondition") or {}
    return float(limits.get("MaxWaitTimeInSeconds", DEFAULT_RUNTIME_SECONDS))


def _transitions(started: float, interrupted: list[float]) -> list[Document]:
    """What a person sees of interruptions in the console."""
    states = ["Training", *("Interrupted" for _ in interrupted), "Completed"]
    times = [started, *interrupted, now()]
    return [{"Status": state, "StartTime": time} for state, time in zip(states, times, strict=True)]


def _prepare(job: LocalJob, cluster: Mapping[str, Any] | None, *, again: bool = False) -> float:
    job.prepare(keep_log=again)
    for folder in ("input/config", "config"):
        _write_json(job.root / folder / "resourceconfig.json", resources(0, 1, _type(cluster)))
    return now()


def _run(
    cluster: list[LocalJob], arguments: Mapping[str, Any], specification: Mapping[str, Any]
) -> None:
    entrypoint = specification.get("ContainerEntrypoint")
    if not entrypoint:
        raise JobError(
            "ClientError: the local AWS has no container images; ContainerEntrypoint is needed"
        )
    limit = (arguments.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds")
    container = [str(part) for part in specification.get("ContainerArguments") or []]
    timeout = float(limit or DEFAULT_RUNTIME_SECONDS)
    run_together(cluster, [*entrypoint, *container], timeout=timeout)


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
