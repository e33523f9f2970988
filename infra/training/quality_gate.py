# SPDX-License-Identifier: Apache-2.0
"""The end of the pipeline: register a model that passes, otherwise fail with the reasons."""

from typing import Any

from infra.training.pipeline_expressions import get, join, measured, output_of, retries

PASSED = "binsight.verdict.passed_value"
"""Where evaluation.json says 1 (passed) or 0; conditions compare numbers, not booleans."""
REASON = "binsight.verdict.text"
"""Where it says in one line: `refused:`, what was found and what is asked."""
REGISTRY = "binsight.registry"
"""Where it has the texts for the registry's entry, by these names."""
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
    """Branch on the quality verdict, which Evaluate gives with the thresholds of this execution."""
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
                # No text that a person wrote: the registry takes letters, digits, spaces and
                # _.:/=+-@ only, and a key such as `photos (2)/manifest.json` would fail here, after
                # the training. The execution knows its manifest, and the digest its photos.
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
