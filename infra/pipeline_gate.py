# SPDX-License-Identifier: Apache-2.0
"""The end of the pipeline: a model that is good enough is registered, another one is not."""

from typing import Any

from infra.pipeline_parts import get, join, run_folder

ACCURACY = "multiclass_classification_metrics.accuracy.value"
"""Where evaluation.json has the accuracy on the test photos (SageMaker's own schema)."""


def gate(*, image: str, artifacts_bucket: str, model_package_group: str) -> dict[str, Any]:
    """Compares the accuracy that Evaluate measured with the parameter MinimumAccuracy."""
    accuracy = {
        "Std:JsonGet": {
            "PropertyFile": get("Steps.Evaluate.PropertyFiles.Evaluation"),
            "Path": ACCURACY,
        }
    }
    minimum = get("Parameters.MinimumAccuracy")
    return {
        "Name": "Gate",
        "Type": "Condition",
        "Arguments": {
            "Conditions": [
                {
                    "Type": "GreaterThanOrEqualTo",
                    "LeftValue": accuracy,
                    "RightValue": minimum,
                }
            ],
            "IfSteps": [
                _register(
                    image=image,
                    artifacts_bucket=artifacts_bucket,
                    model_package_group=model_package_group,
                )
            ],
            "ElseSteps": [
                {
                    "Name": "TooWeak",
                    "Type": "Fail",
                    "Arguments": {
                        "ErrorMessage": join(
                            "The model's accuracy on the test photos is below MinimumAccuracy = ",
                            minimum,
                            "; evaluation.json of this execution has the figures.",
                        )
                    },
                }
            ],
        },
    }


def _register(*, image: str, artifacts_bucket: str, model_package_group: str) -> dict[str, Any]:
    execution = get("Execution.PipelineExecutionId")
    archive = join(f"s3://{artifacts_bucket}/models/", execution, "/model.tar.gz")
    return {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": model_package_group,
            "ModelPackageDescription": join("From pipeline execution ", execution),
            "ModelApprovalStatus": get("Parameters.ApprovalStatus"),
            "InferenceSpecification": {
                "Containers": [{"Image": image, "ModelDataUrl": archive}],
                "SupportedContentTypes": ["application/x-npy"],
                "SupportedResponseMIMETypes": ["application/x-npy"],
            },
            "ModelMetrics": {
                "ModelQuality": {
                    "Statistics": {
                        "ContentType": "application/json",
                        "S3Uri": join(
                            run_folder(artifacts_bucket, "evaluation"), "/evaluation.json"
                        ),
                    }
                }
            },
            "CustomerMetadataProperties": {
                "dataset_manifest": get("Parameters.DatasetManifest"),
                "pipeline_execution": execution,
            },
        },
    }
