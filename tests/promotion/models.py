# SPDX-License-Identifier: Apache-2.0
"""Models in staging's registry, made as the pipeline makes them."""

import hashlib
from typing import Any

from tests.promotion.conftest import Exchange

IMAGE = "763104351884.dkr.ecr.us-west-2.amazonaws.com/pytorch:2.13"
METADATA = {"dataset_digest": "d" * 64, "code_digest": "c" * 64, "accuracy": "0.93"}


def register(
    exchange: Exchange, content: bytes, *, evaluated: bytes = b"", data_report: str = ""
) -> str:
    """Register a model whose archive is ``content``, and wait for nobody; its ARN.

    ``evaluated`` is what was evaluated, where it is not that; ``data_report`` the place of a file
    below runs/<id>/, in place of the report.
    """
    name = hashlib.sha256(content).hexdigest()[:12]
    bucket = exchange.outputs("staging")["ArtifactsBucket"]
    s3 = exchange.client("s3", "staging")
    for key, body in {
        f"models/{name}/model.tar.gz": content,
        f"runs/{name}/evaluation/evaluation.json": b'{"binsight": {}}',
        f"runs/{name}/evaluation/report/index.html": b"evaluation of " + content,
        f"runs/{name}/prepared/report/index.html": b"data of " + content,
        f"runs/{name}/prepared/photos/1.jpg": b"a photo",
    }.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    run = f"s3://{bucket}/runs/{name}"
    created = exchange.client("sagemaker", "staging").create_model_package(
        ModelPackageGroupName="binsight-staging-models",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [
                {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/models/{name}/model.tar.gz"}
            ],
            "SupportedContentTypes": ["application/x-npy"],
            "SupportedResponseMIMETypes": ["application/x-npy"],
        },
        ModelMetrics={
            "ModelQuality": {
                "Statistics": {
                    "ContentType": "application/json",
                    "S3Uri": f"{run}/evaluation/evaluation.json",
                }
            }
        },
        CustomerMetadataProperties={
            **METADATA,
            "archive_digest": hashlib.sha256(evaluated or content).hexdigest(),
            "report": f"{run}/evaluation/report/index.html",
            "data_report": f"{run}/{data_report or 'prepared/report/index.html'}",
            # What has expired.
            "training_report": f"{run}/train/job/output/output.tar.gz",
        },
    )
    return str(created["ModelPackageArn"])


def approve(exchange: Exchange, arn: str) -> None:
    """Approve a model in staging."""
    exchange.client("sagemaker", "staging").update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved"
    )


def of_content(exchange: Exchange, name: str, content: bytes) -> list[dict[str, Any]]:
    """The packages of an environment whose archive is this."""
    digest = hashlib.sha256(content).hexdigest()
    return [
        one
        for one in exchange.packages(name)
        if one["CustomerMetadataProperties"]["archive_digest"] == digest
    ]
