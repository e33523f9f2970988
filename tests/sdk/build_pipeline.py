# SPDX-License-Identifier: Apache-2.0
"""Binsight's pipeline as a user of the SageMaker SDK would write it; prints its definition.

Run by .venv-sdk's Python: ``build_pipeline.py VALUES.json DEFINITION.json``. Written without a look
at infra/: it is the oracle that infra/training/pipeline_definition.py is compared with.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.network import NetworkConfig
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import (
    CheckpointConfig,
    MetricDefinition,
    OutputDataConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
    StoppingCondition,
    Tag,
)
from sagemaker.core.workflow.conditions import ConditionGreaterThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TrainingStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, Networking, SourceCode

NO_TELEMETRY = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}
STEP_RETRIES = StepRetryPolicy(
    exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
    interval_seconds=10,
    max_attempts=6,
)
JOB_RETRIES = [
    STEP_RETRIES,
    SageMakerJobStepRetryPolicy(
        exception_types=[SageMakerJobExceptionTypeEnum.INTERNAL_ERROR],
        interval_seconds=60,
        max_attempts=2,
    ),
    SageMakerJobStepRetryPolicy(
        exception_types=[SageMakerJobExceptionTypeEnum.CAPACITY_ERROR],
        interval_seconds=300,
        max_attempts=5,
    ),
    SageMakerJobStepRetryPolicy(
        exception_types=[SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT],
        interval_seconds=300,
        max_attempts=2,
    ),
]
CACHE = CacheConfig(enable_caching=True, expire_after="P14D")
WORK = "/opt/ml/processing"


def text(parameter: Any) -> Join:
    """A number as the text that containers take."""
    return Join(on="", values=[parameter])


def source(name: str, uri: Any, *, kind: str = "S3Prefix") -> ProcessingInput:
    """Files from S3."""
    return ProcessingInput(
        input_name=name,
        app_managed=False,
        s3_input=ProcessingS3Input(
            s3_uri=uri,
            local_path=f"{WORK}/input/{name}",
            s3_data_type=kind,
            s3_input_mode="File",
            s3_data_distribution_type="FullyReplicated",
        ),
    )


def result(name: str, uri: Any) -> ProcessingOutput:
    """Files to S3."""
    return ProcessingOutput(
        output_name=name,
        app_managed=False,
        s3_output=ProcessingS3Output(
            s3_uri=uri, local_path=f"{WORK}/output/{name}", s3_upload_mode="EndOfJob"
        ),
    )


def build(values: dict[str, Any], session: PipelineSession) -> Pipeline:
    """The whole pipeline."""
    manifest = ParameterString(name="DatasetManifest", default_value=values["manifest"])
    version = ParameterString(name="DatasetVersion")
    machine = ParameterString(
        name="InstanceType", default_value=values["instance_type"], enum_values=values["sizes"]
    )
    processing_machine = ParameterString(
        name="ProcessingInstanceType",
        default_value=values["processing_instance_type"],
        enum_values=values["sizes"],
    )
    count = ParameterInteger(name="InstanceCount", default_value=1)
    network = ParameterString(name="Network", default_value=values["network"])
    epochs = ParameterInteger(name="Epochs", default_value=values["epochs"])
    size = ParameterInteger(name="ImageSize", default_value=values["image_size"])
    seed = ParameterInteger(name="Seed", default_value=0)
    item = ParameterFloat(name="MinimumItemAccuracy", default_value=values["minimum_item_accuracy"])
    accuracy = ParameterFloat(name="MinimumAccuracy", default_value=values["minimum_accuracy"])
    recall = ParameterFloat(name="MinimumRecall", default_value=values["minimum_recall"])
    int8_loss = ParameterFloat(name="MaximumInt8Loss", default_value=values["maximum_int8_loss"])
    tolerance = ParameterFloat(name="Tolerance", default_value=values["tolerance"])
    forgetting = ParameterFloat(
        name="MaximumForgetting", default_value=values["maximum_forgetting"]
    )
    approval = ParameterString(name="ApprovalStatus", default_value="PendingManualApproval")
    execution = ExecutionVariables.PIPELINE_EXECUTION_ID

    def processor(**more: Any) -> Processor:
        return Processor(
            image_uri=values["image"],
            role=values["role"],
            instance_count=1,
            instance_type=processing_machine,
            entrypoint=["/bin/bash", "-c", "run"],
            volume_size_in_gb=30,
            volume_kms_key=values["key"],
            output_kms_key=values["key"],
            max_runtime_in_seconds=7200,
            network_config=NetworkConfig(enable_network_isolation=False),
            tags=values["tags"],
            sagemaker_session=session,
            **more,
        )

    def run_folder(name: str) -> Join:
        return Join(on="/", values=[f"s3://{values['artifacts']}/runs", execution, name])

    prepare = ProcessingStep(
        name="Prepare",
        step_args=processor(env={"BINSIGHT_DATASET_VERSION": version}).run(
            inputs=[
                source("code", values["code"]),
                source(
                    "dataset",
                    Join(on="/", values=[f"s3://{values['dataset']}", manifest]),
                    kind="ManifestFile",
                ),
            ],
            outputs=[result("prepared", run_folder("prepared"))],
            arguments=[
                *("prepare", "--dataset", f"{WORK}/input/dataset"),
                *("--output", f"{WORK}/output/prepared", "--seed", text(seed)),
                *("--name", text(manifest)),
                *("--approved-group", values["group"], "--region", os.environ["AWS_REGION"]),
            ],
        ),
        cache_config=CACHE,
        retry_policies=JOB_RETRIES,
    )
    prepared = prepare.properties.ProcessingOutputConfig.Outputs["prepared"].S3Output.S3Uri
    photos = Join(on="", values=[prepared, "/"])
    trainer = ModelTrainer(
        training_image=values["image"],
        role=values["role"],
        sagemaker_session=session,
        source_code=SourceCode(command="bash training/entrypoint.sh train"),
        compute=Compute(
            instance_type=machine,
            instance_count=count,
            volume_size_in_gb=30,
            volume_kms_key_id=values["key"],
            enable_managed_spot_training=True,
        ),
        networking=Networking(
            enable_network_isolation=False, enable_inter_container_traffic_encryption=True
        ),
        stopping_condition=StoppingCondition(
            max_runtime_in_seconds=7200, max_wait_time_in_seconds=14400
        ),
        output_data_config=OutputDataConfig(
            s3_output_path=run_folder("train"), kms_key_id=values["key"]
        ),
        checkpoint_config=CheckpointConfig(
            s3_uri=Join(
                on="",
                values=[
                    *(prepared, "-checkpoints", "/", network, "-", size, "-", epochs, "-", seed),
                    "/",
                ],
            ),
            local_path="/opt/ml/checkpoints",
        ),
        hyperparameters={
            "network": network,
            "epochs": text(epochs),
            "image-size": text(size),
            "seed": text(seed),
            "patience": "8",
            "int8-loss": text(int8_loss),
            "weights": values["weights"],
        },
        tags=[Tag(key=item["Key"], value=item["Value"]) for item in values["tags"]],
    ).with_metric_definitions(
        [
            MetricDefinition(name=name, regex=f"{name.replace(':', '_')}=([0-9.]+)")
            for name in ("train:loss", "validation:loss", "validation:accuracy")
        ]
    )
    train = TrainingStep(
        name="Train",
        step_args=trainer.train(
            input_data_config=[
                InputData(channel_name="code", data_source=values["code"]),
                InputData(channel_name="prepared", data_source=photos),
            ]
        ),
        cache_config=CACHE,
        retry_policies=JOB_RETRIES,
    )
    verdict = PropertyFile(name="Evaluation", output_name="evaluation", path="evaluation.json")
    arguments = [
        *("evaluate", "--model", f"{WORK}/input/model", "--prepared", f"{WORK}/input/prepared"),
        *("--evaluation", f"{WORK}/output/evaluation", "--output", f"{WORK}/output/model"),
        *("--approved-group", values["group"], "--region", os.environ["AWS_REGION"]),
        *("--minimum-item-accuracy", text(item)),
        *("--minimum-accuracy", text(accuracy), "--minimum-recall", text(recall)),
        *("--maximum-int8-loss", text(int8_loss), "--tolerance", text(tolerance)),
        *("--maximum-forgetting", text(forgetting)),
        *("--bins", values["bins"]),
    ]
    evaluate = ProcessingStep(
        name="Evaluate",
        step_args=processor().run(
            inputs=[
                source("code", values["code"]),
                source("model", train.properties.ModelArtifacts.S3ModelArtifacts),
                source("prepared", photos),
            ],
            outputs=[
                result("evaluation", run_folder("evaluation")),
                result(
                    "model", Join(on="/", values=[f"s3://{values['artifacts']}/models", execution])
                ),
            ],
            arguments=arguments,
        ),
        property_files=[verdict],
        retry_policies=JOB_RETRIES,
    )
    outputs = evaluate.properties.ProcessingOutputConfig.Outputs

    def said(path: str) -> JsonGet:
        return JsonGet(step_name="Evaluate", property_file=verdict, json_path=f"binsight.{path}")

    evaluation = outputs["evaluation"].S3Output.S3Uri
    registered = (
        *("dataset_digest", "code_digest", "model_digest", "bin_policy_version"),
        *("item_accuracy", "accuracy", "precision"),
    )
    model = ModelBuilder(
        image_uri=values["image"],
        s3_model_data_url=Join(on="", values=[outputs["model"].S3Output.S3Uri, "/model.tar.gz"]),
        role_arn=values["role"],
        sagemaker_session=session,
    )
    register = ModelStep(
        name="Register",
        step_args=model.register(
            model_package_group_name=values["group"],
            content_types=["application/x-npy"],
            response_types=["application/x-npy"],
            approval_status=approval,
            description=Join(on="", values=["From pipeline execution ", execution]),
            model_metrics=ModelMetrics(
                model_statistics=MetricsSource(
                    content_type="application/json",
                    s3_uri=Join(on="", values=[evaluation, "/evaluation.json"]),
                )
            ),
            customer_metadata_properties={
                **{name: said(f"registry.{name}") for name in registered},
                "archive_digest": said("archive_digest"),
                "pipeline_execution": execution,
                "report": Join(on="", values=[evaluation, "/report/index.html"]),
                "data_report": Join(on="", values=[prepared, "/report/index.html"]),
                "training_report": Join(
                    on="/",
                    values=[
                        train.properties.OutputDataConfig.S3OutputPath,
                        train.properties.TrainingJobName,
                        "output/output.tar.gz",
                    ],
                ),
            },
        ),
        retry_policies=[STEP_RETRIES],
    )
    refused = FailStep(
        name="Refused",
        error_message=Join(
            on="",
            values=[
                *("The model is ", said("verdict.text")),
                *(" (report: ", evaluation, "/report/index.html)"),
            ],
        ),
    )
    gate = ConditionStep(
        name="Gate",
        conditions=[
            ConditionGreaterThanOrEqualTo(left=said("verdict.passed_value"), right=1),
        ],
        if_steps=[register],
        else_steps=[refused],
    )
    return Pipeline(
        name="binsight",
        parameters=[
            *(manifest, version, machine, processing_machine, count, network, epochs, size, seed),
            *(item, accuracy, recall, int8_loss, tolerance, forgetting, approval),
        ],
        steps=[prepare, train, evaluate, gate],
        sagemaker_session=session,
    )


def main() -> None:
    """Build it against the AWS that the environment names, and write its definition."""
    values = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    session = PipelineSession(
        boto_session=boto3.Session(region_name=os.environ["AWS_REGION"]),
        default_bucket=values["artifacts"],
        sagemaker_config=NO_TELEMETRY,
    )
    definition = build(values, session).definition()
    Path(sys.argv[2]).write_text(definition, encoding="utf-8")


if __name__ == "__main__":
    main()
