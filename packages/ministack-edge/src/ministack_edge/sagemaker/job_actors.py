# SPDX-License-Identifier: Apache-2.0
"""Who acts in a pipeline: the pipeline's role starts jobs and registers, each job has its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region

from ministack_edge.enforcement import keys
from ministack_edge.enforcement.actors import Actor, become
from ministack_edge.enforcement.services import log_group
from ministack_edge.enforcement.storage import Storage
from ministack_edge.protocol import arn
from ministack_edge.storage.objects import parse

SERVICE = "sagemaker.amazonaws.com"
IMAGE_PULL = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)
IMAGE_LOOKUP = ("ecr:BatchGetImage", "ecr:DescribeImages")


def job_arn(kind: str, name: str) -> str:
    """The ARN of a Processing or Training job."""
    return arn("sagemaker", f"{kind.lower()}-job/{name}")


def start_job(pipeline: Actor, kind: str, name: str, arguments: Mapping[str, Any]) -> Actor:
    """What the pipeline's role needs to start a job, and what the job's role needs to begin.

    Returns the job's role as the actor of everything that its container and data do. Raises
    AccessDeniedError where SageMaker would refuse.
    """
    job, role = job_arn(kind, name), str(arguments.get("RoleArn", ""))
    pipeline.require(f"sagemaker:Create{kind}Job", job)
    pipeline.require("sagemaker:AddTags", job)
    pipeline.pass_role(role, SERVICE)
    actor = become(role, SERVICE, source_arn=job, session="SageMaker")
    for principal in (pipeline, actor):
        _disk(principal, _volume_key(arguments))
    _pull(actor, _image(arguments))
    stream = log_group(get_account_id(), get_region(), f"/aws/sagemaker/{kind}Jobs", name)
    # A job without the rights to its log and metrics runs, and nobody sees what it says.
    for action in ("CreateLogGroup", "DescribeLogStreams", "CreateLogStream", "PutLogEvents"):
        actor.decide(f"logs:{action}", stream)
    namespace = f"/aws/sagemaker/{kind}Jobs"
    actor.decide("cloudwatch:PutMetricData", "*", cloudwatch__namespace=namespace)
    return actor


def end_job(pipeline: Actor, kind: str, name: str, *, stopped: bool) -> None:
    """The pipeline looks at its job, and stops it where the execution was stopped."""
    job = job_arn(kind, name)
    pipeline.require(f"sagemaker:Describe{kind}Job", job)
    if stopped:
        pipeline.require(f"sagemaker:Stop{kind}Job", job)


def register(pipeline: Actor, arguments: Mapping[str, Any]) -> None:
    """What CreateModelPackage needs of its caller: group, image digest, model file."""
    group = str(arguments.get("ModelPackageGroupName", "")).rpartition("/")[2]
    pipeline.require(
        "sagemaker:CreateModelPackage", arn("sagemaker", f"model-package-group/{group}")
    )
    pipeline.require("sagemaker:AddTags", arn("sagemaker", f"model-package/{group}/1"))
    for container in (arguments.get("InferenceSpecification") or {}).get("Containers") or []:
        repository = repository_arn(str(container.get("Image", "")))
        if repository:
            for action in IMAGE_LOOKUP:
                pipeline.require(action, repository)
        if container.get("ModelDataUrl"):
            Storage(pipeline).read(*parse(str(container["ModelDataUrl"])))


def repository_arn(image: str) -> str:
    """The ECR repository of an image address; empty for one that is not in ECR."""
    host, _, path = image.partition("/")
    parts = host.split(".")
    if len(parts) < 6 or parts[1:3] != ["dkr", "ecr"]:
        return ""
    name = path.partition("@")[0].rpartition(":")[0] or path
    return f"arn:aws:ecr:{parts[3]}:{parts[0]}:repository/{name}"


def _pull(actor: Actor, image: str) -> None:
    repository = repository_arn(image)
    if not repository:
        return
    actor.require("ecr:GetAuthorizationToken", "*")
    for action in IMAGE_PULL:
        actor.require(action, repository)


def _image(arguments: Mapping[str, Any]) -> str:
    application = arguments.get("AppSpecification") or {}
    algorithm = arguments.get("AlgorithmSpecification") or {}
    return str(application.get("ImageUri") or algorithm.get("TrainingImage") or "")


def _volume_key(arguments: Mapping[str, Any]) -> str:
    cluster = (arguments.get("ProcessingResources") or {}).get("ClusterConfig") or {}
    resources = arguments.get("ResourceConfig") or {}
    return str(cluster.get("VolumeKmsKeyId") or resources.get("VolumeKmsKeyId") or "")


def _disk(principal: Actor, key: str) -> None:
    """SageMaker hands the key of the disk on to EBS by a grant, in the name of who asks."""
    found = keys.resolve(key)
    if found is None:
        return
    via = f"sagemaker.{get_region()}.amazonaws.com"
    for action in ("kms:CreateGrant", "kms:DescribeKey"):
        principal.require(action, found, kms__ViaService=via)
