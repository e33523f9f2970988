# SPDX-License-Identifier: Apache-2.0
"""Turns an approved model package into a component version that can be deployed to cameras."""

import contextlib
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contracts.components import content_version
from rollout.recipe import model_recipe
from rollout.settings import RolloutError, Settings

ADOPT_SCRIPT = Path(__file__).with_name("adopt.py")
_CHUNK = 1024 * 1024
_DEPLOYABLE_SECONDS = 45


def package(
    *, model_package_arn: str, settings: Settings, sagemaker: Any, s3: Any
) -> dict[str, Any]:
    """Copy an approved model's archive and ``adopt.py`` to the component's own folder in S3.

    The version is derived from the content: archive, script and recipe.
    """
    described = sagemaker.describe_model_package(ModelPackageName=model_package_arn)
    status = described.get("ModelApprovalStatus")
    if status != "Approved":
        raise RolloutError(f"{model_package_arn} is {status}, not Approved: nothing is rolled out")
    key = _archive_key(described, bucket=settings.artifacts_bucket)
    digest, source = _digest(s3, bucket=settings.artifacts_bucket, key=key)
    expected = described.get("CustomerMetadataProperties", {}).get("archive_digest", digest)
    if digest != expected:
        raise RolloutError(
            f"s3://{settings.artifacts_bucket}/{key} has SHA-256 {digest}, but {expected} was"
            " evaluated and approved: train again"
        )
    script = ADOPT_SCRIPT.read_bytes()
    script_digest = hashlib.sha256(script).hexdigest()
    version = _version(digest=digest, script_digest=script_digest, settings=settings)
    folder = f"components/{settings.component}/{version}"
    s3.copy_object(
        Bucket=settings.artifacts_bucket, Key=f"{folder}/model.tar.gz", CopySource=source
    )
    s3.put_object(
        Bucket=settings.artifacts_bucket,
        Key=f"{folder}/adopt.py",
        Body=script,
        ContentType="text/x-python",
    )
    return {
        "component": settings.component,
        "version": version,
        "digest": digest,
        "archive_uri": f"s3://{settings.artifacts_bucket}/{folder}/model.tar.gz",
        "adopt_uri": f"s3://{settings.artifacts_bucket}/{folder}/adopt.py",
        "adopt_digest": script_digest,
        "model_package_arn": model_package_arn,
    }


def create_component(
    *,
    version: str,
    digest: str,
    archive_uri: str,
    adopt_uri: str,
    settings: Settings,
    greengrass: Any,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Create the component version unless it exists, and wait until it can be deployed."""
    arn = settings.component_arn(version)
    created = False
    if _state(greengrass, arn) is None:
        text = model_recipe(
            component=settings.component,
            version=version,
            digest=digest,
            archive_uri=archive_uri,
            adopt_uri=adopt_uri,
            model_folder=settings.model_folder,
            program=settings.inference_component,
        )
        # Without a client token: for eight hours Greengrass would answer a known token from its
        # cache, even if the version was deleted or another one is requested.
        with contextlib.suppress(greengrass.exceptions.ConflictException):
            greengrass.create_component_version(inlineRecipe=text.encode())
            created = True
    for _ in range(_DEPLOYABLE_SECONDS):
        state, message = _state(greengrass, arn) or ("REQUESTED", "")
        if state == "DEPLOYABLE":
            return {
                "component": settings.component,
                "version": version,
                "component_arn": arn,
                "created": created,
            }
        if state in {"FAILED", "DEPRECATED"}:
            raise RolloutError(
                f"{settings.component} {version} is {state}: {message or 'no reason given'}."
                " Delete this component version, then approve the model again"
            )
        sleep(1)
    raise RolloutError(f"{settings.component} {version} is not deployable after 45 s")


def _archive_key(described: dict[str, Any], *, bucket: str) -> str:
    containers = described.get("InferenceSpecification", {}).get("Containers", [])
    url = str(containers[0].get("ModelDataUrl", "")) if containers else ""
    parts = urlsplit(url)
    key = parts.path.lstrip("/")
    if parts.scheme != "s3" or parts.netloc != bucket or not key.startswith("models/"):
        raise RolloutError(
            f"model package's ModelDataUrl is {url!r}; expected an archive under"
            f" s3://{bucket}/models/"
        )
    return key


def _digest(s3: Any, *, bucket: str, key: str) -> tuple[str, dict[str, str]]:
    """SHA-256 of an object, and the source for copying exactly the bytes that were read."""
    found = s3.get_object(Bucket=bucket, Key=key)
    digest = hashlib.sha256()
    for chunk in iter(lambda: found["Body"].read(_CHUNK), b""):
        digest.update(chunk)
    source = {"Bucket": bucket, "Key": key}
    if found.get("VersionId"):
        source["VersionId"] = found["VersionId"]
    return digest.hexdigest(), source


def _version(*, digest: str, script_digest: str, settings: Settings) -> str:
    recipe = model_recipe(
        component=settings.component,
        version="0.0.0",
        digest=digest,
        # The bucket is part of the content: versions outlive an environment, and the next one has
        # another bucket.
        archive_uri=f"s3://{settings.artifacts_bucket}/model.tar.gz",
        adopt_uri=f"s3://{settings.artifacts_bucket}/adopt.py",
        model_folder=settings.model_folder,
        program=settings.inference_component,
    )
    return content_version(hashlib.sha256(f"{recipe}\n{script_digest}".encode()).hexdigest())


def _state(greengrass: Any, arn: str) -> tuple[str, str] | None:
    """State and message of a component version; None if there is no such version."""
    try:
        status = greengrass.describe_component(arn=arn).get("status", {})
    except greengrass.exceptions.ResourceNotFoundException:
        return None
    return status.get("componentState", "REQUESTED"), status.get("message", "")
