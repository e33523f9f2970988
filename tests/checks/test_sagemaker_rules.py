# SPDX-License-Identifier: Apache-2.0
"""Rules about SageMaker, each with what passes and what fails."""

import json

import pytest

from infra.checks.rules import sagemaker_encryption, sagemaker_roles
from tests.checks.cases import findings, resource, role

KEY = {"Fn::ImportValue": "data:Key"}


def pipeline(*steps, parameters=()):
    document = {"Version": "2020-12-01", "Parameters": parameters, "Steps": list(steps)}
    body = {"Fn::Join": ["", [json.dumps(document)]]}
    definition = {"PipelineDefinitionBody": body}
    return {"P": resource("AWS::SageMaker::Pipeline", {"PipelineDefinition": definition})}


PROCESSING = {
    "ProcessingResources": {"ClusterConfig": {"VolumeKmsKeyId": "<key>"}},
    "ProcessingOutputConfig": {"KmsKeyId": "<key>"},
}
TRAINING = {"ResourceConfig": {"VolumeKmsKeyId": "k"}, "OutputDataConfig": {"KmsKeyId": "k"}}


def test_encrypted_jobs_pass():
    steps = [
        {"Name": "Prepare", "Type": "Processing", "Arguments": PROCESSING},
        {"Name": "Train", "Type": "Training", "Arguments": TRAINING},
        {"Name": "Register", "Type": "RegisterModel", "Arguments": {}},
    ]
    assert findings(sagemaker_encryption.RULE, pipeline(*steps)) == []
    notebook = {"N": resource("AWS::SageMaker::NotebookInstance", {"KmsKeyId": KEY})}
    assert findings(sagemaker_encryption.RULE, notebook) == []


LARGE = "ml.g5.xlarge", "ml.g5.12xlarge"


@pytest.mark.parametrize(
    ("kind", "parameters", "key", "found"),
    [
        ("ml.g5.xlarge", [], None, []),
        ("ml.g5.xlarge", [], "k", ["SageMaker refuses a key"]),
        ("ml.m5.xlarge", [], None, ["has no ResourceConfig.VolumeKmsKeyId"]),
        ({"Get": "Parameters.T"}, [("T", "ml.g5.xlarge", LARGE)], None, []),
        ({"Get": "Parameters.T"}, [("T", "ml.g5.xlarge", None)], None, ["has no ResourceConfig"]),
        (
            {"Get": "Parameters.T"},
            [("T", "ml.g5.xlarge", (*LARGE, "ml.m5.xlarge"))],
            None,
            ["has no ResourceConfig"],
        ),
        ({"Get": "Parameters.U"}, [("T", "ml.g5.xlarge", LARGE)], None, ["has no ResourceConfig"]),
    ],
)
def test_a_disk_of_the_machine_itself_takes_no_key(kind, parameters, key, found):
    cluster = {"InstanceType": kind, **({"VolumeKmsKeyId": key} if key else {})}
    step = {"Name": "T", "Type": "Training", "Arguments": {**TRAINING, "ResourceConfig": cluster}}
    declared = [
        {"Name": name, "DefaultValue": default, **({"EnumValues": allowed} if allowed else {})}
        for name, default, allowed in parameters
    ]
    details = [
        detail
        for _, _, detail in findings(sagemaker_encryption.RULE, pipeline(step, parameters=declared))
    ]
    assert [part in detail for part, detail in zip(found, details, strict=True)] == [True] * len(
        found
    )


def test_a_key_of_the_deployment_does_not_break_the_definition():
    text = json.dumps({"Steps": [{"Name": "Train", "Type": "Training", "Arguments": TRAINING}]})
    before, after = text.split('"k"', 1)
    body = {"Fn::Join": ["", [f'{before}"', KEY, f'"{after}']]}
    resources = {
        "P": resource(
            "AWS::SageMaker::Pipeline", {"PipelineDefinition": {"PipelineDefinitionBody": body}}
        )
    }
    assert findings(sagemaker_encryption.RULE, resources) == []


@pytest.mark.parametrize(
    ("resources", "missing"),
    [
        (
            pipeline(
                {"Name": "T", "Type": "Training", "Arguments": {**TRAINING, "ResourceConfig": {}}}
            ),
            "step T has no ResourceConfig.VolumeKmsKeyId",
        ),
        (
            pipeline(
                {
                    "Name": "P",
                    "Type": "Processing",
                    "Arguments": {**PROCESSING, "ProcessingOutputConfig": {"KmsKeyId": ""}},
                }
            ),
            "step P has no ProcessingOutputConfig.KmsKeyId",
        ),
        (
            pipeline(
                {
                    "Name": "Gate",
                    "Type": "Condition",
                    "Arguments": {
                        "IfSteps": [
                            {
                                "Name": "Score",
                                "Type": "Transform",
                                "Arguments": {"TransformResources": {"VolumeKmsKeyId": "k"}},
                            }
                        ]
                    },
                }
            ),
            "step Score has no TransformOutput.KmsKeyId",
        ),
        (
            {
                "P": resource(
                    "AWS::SageMaker::Pipeline",
                    {"PipelineDefinition": {"PipelineDefinitionS3Location": {}}},
                )
            },
            "cannot be checked",
        ),
        ({"P": resource("AWS::SageMaker::NotebookInstance")}, "has no key"),
    ],
)
def test_an_unencrypted_job_fails(resources, missing):
    [(logical_id, _, detail)] = findings(sagemaker_encryption.RULE, resources)
    assert logical_id == "P"
    assert missing in detail


def training_role(*statements, **more):
    return {"R": role("sagemaker.amazonaws.com", *statements, **more)}


PASSED = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
SPACE = {"StringEquals": {"cloudwatch:namespace": ["/aws/sagemaker/TrainingJobs"]}}


@pytest.mark.parametrize(
    "statement",
    [
        {"Action": "s3:GetObject", "Resource": {"Fn::Join": ["", [KEY, "/*"]]}},
        {"Action": "s3:PutObject", "Resource": {"Fn::Join": ["", [KEY, "/runs/*"]]}},
        {"Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Action": "cloudwatch:PutMetricData", "Resource": "*", "Condition": SPACE},
        {"Action": "iam:PassRole", "Resource": {"Ref": "Jobs"}, "Condition": PASSED},
    ],
)
def test_a_scoped_role_passes(statement):
    assert findings(sagemaker_roles.RULE, training_role(statement)) == []


@pytest.mark.parametrize(
    ("resources", "detail"),
    [
        (training_role({"Action": "sagemaker:*", "Resource": "arn:x"}), "'sagemaker:*'"),
        (training_role({"Action": "cloudwatch:PutMetricData", "Resource": "*"}), "on everything"),
        (training_role({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::*/x"}), "every bucket"),
        (training_role({"Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*"}), "anywhere in"),
        (training_role({"Action": "iam:PassRole", "Resource": "arn:x"}), "any service"),
        (training_role({"NotResource": "arn:x", "Action": "s3:GetObject"}), "NotResource"),
        (
            training_role(
                ManagedPolicyArns=[
                    {
                        "Fn::Join": [
                            "",
                            ["arn:", "aws", ":iam::aws:policy/AmazonSageMakerFullAccess"],
                        ]
                    }
                ]
            ),
            "AmazonSageMakerFullAccess",
        ),
    ],
)
def test_an_unscoped_role_fails(resources, detail):
    [(logical_id, _, said)] = findings(sagemaker_roles.RULE, resources)
    assert logical_id == "R"
    assert detail in said
