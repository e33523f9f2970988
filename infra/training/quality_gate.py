# SPDX-License-Identifier: Apache-2.0
"""The end of the pipeline: register a model that passes, otherwise fail with the reasons."""

from typing import Any

from infra.training.pipeline_expressions import get, join, measured, output_of, retries

PASSED = "binsight.verdict.passed_value"
"""The path in evaluation.json of 1 (passed) or 0; conditions compare numbers, not booleans."""
REASON = "binsight.verdict.text"
"""The path of one line with `refused:`, the measured value and the required one."""
REGISTRY = "binsight.registry"
"""The path of the texts for the registry's entry, by name."""
REGISTERED = (
    "dataset_digest",
    "code_digest",
    "model_digest",
    "bin_policy_version",
    "item_accuracy",
    "accuracy",
    "precision",
)


def gate(*, image: str, model_package_group: str) -> dict[str, Any]:
    """Branch on the quality verdict, which Evaluate computes with the execution's thresholds."""
    return {
        "Name": "Gate",
        "Type": "Condition",
        "Arguments": {
            "Conditions": [
                {
                    "Type": "GreaterThanOrEqualTo",
                    "LeftValue": measured(PASSED),
                    "RightValue": 1,
                }
            ],
            "IfSteps": [_register(image=image, model_package_group=model_package_group)],
            "ElseSteps": [
                {
                    "Name": "Refused",
                    "Type": "Fail",
                    "Arguments": {
                        "ErrorMessage": join(
                            "The model is ",
                            measured(REASON),
                            " (report: ",
                            output_of("Evaluate", "evaluation"),
                            "/report/index.html)",
                        )
                    },
                }
            ],
        },
    }


def _register(*, image: str, model_package_group: str) -> dict[str, Any]:
    execution = get("Execution.PipelineExecutionId")
    evaluation = output_of("Evaluate", "evaluation")
    return {
        "Name": "Register",
        "Type": "RegisterModel",
        "Arguments": {
            "ModelPackageGroupName": model_package_group,
            "ModelPackageDescription": join("From pipeline execution ", execution),
            "ModelApprovalStatus": get("Parameters.ApprovalStatus"),
            "InferenceSpecification": {
                "Containers": [
                    {
                        "Image": image,
                        "ModelDataUrl": join(output_of("Evaluate", "model"), "/model.tar.gz"),
                    }
                ],
                "SupportedContentTypes": ["application/x-npy"],
                "SupportedResponseMIMETypes": ["application/x-npy"],
            },
            "ModelMetrics": {
                "ModelQuality": {
                    "Statistics": {
                        "ContentType": "application/json",
                        "S3Uri": join(evaluation, "/evaluation.json"),
                    }
                }
            },
            "CustomerMetadataProperties": {
                # No text that a person wrote: the registry accepts only letters, digits, spaces and
                # _.:/=+-@, and a key such as `photos (2)/manifest.json` would fail here, after the
                # training. The execution records its manifest, and the digest identifies the
                # photos.
                **{name: measured(f"{REGISTRY}.{name}") for name in REGISTERED},
                "archive_digest": measured("binsight.archive_digest"),
                "pipeline_execution": execution,
                "report": join(evaluation, "/report/index.html"),
                "data_report": join(output_of("Prepare", "prepared"), "/report/index.html"),
                "training_report": join(
                    get("Steps.Train.OutputDataConfig.S3OutputPath"),
                    "/",
                    get("Steps.Train.TrainingJobName"),
                    "/output/output.tar.gz",
                ),
            },
        },
        "RetryPolicies": retries(job=False),
    }
