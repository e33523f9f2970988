# SPDX-License-Identifier: Apache-2.0
"""The three jobs of the pipeline: Prepare, Train and Evaluate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.config.training import TrainingSettings
from infra.training.pipeline_expressions import (
    PROCESSING,
    TRAINING_DATA,
    cache,
    entrypoint,
    get,
    in_pieces,
    join,
    machines,
    model_folder,
    output_of,
    processing_input,
    processing_output,
    retries,
    run_folder,
    text,
    training_channel,
)

METRICS = ("train:loss", "validation:loss", "validation:accuracy")
CHECKPOINTS = "/opt/ml/checkpoints"
_WAIT_FOR_SPOT = 2
"""Maximum duration of a spot job as a multiple of its running time, including waiting for
machines."""


@dataclass(frozen=True, kw_only=True)
class PipelineSteps:
    """The steps that run the code archive in the framework's image, and their common values.

    Text may hold CloudFormation tokens. ``training_image`` is for the machines that train,
    ``image`` for the others; ``bins`` is the bin policy as JSON; ``tags`` are put on every job.

    SageMaker reuses a step when its image, arguments, environment, inputs and hyperparameters are
    those of an earlier success. So these must not contain anything that changes with every
    execution: outputs of an earlier step are resolved from that step, and execution ids are only in
    outputs.
    """

    image: str
    training_image: str
    region: str
    role_arn: str
    key_arn: str
    code_uri: str
    dataset_bucket: str
    artifacts_bucket: str
    model_package_group: str
    bins: str
    training: TrainingSettings
    tags: Mapping[str, str] = field(default_factory=dict)

    def prepare(self) -> dict[str, Any]:
        """Check, deduplicate and split the photos that the manifest names.

        It keeps the split of the model in service. The step may be reused after another model came
        into service: Evaluate excludes test photos that this model was trained on.
        """
        manifest = join(f"s3://{self.dataset_bucket}/", get("Parameters.DatasetManifest"))
        step = self._processing(
            "Prepare",
            arguments=[
                *("--dataset", f"{PROCESSING}/input/dataset"),
                *("--output", f"{PROCESSING}/output/prepared"),
                *("--seed", text("Parameters.Seed")),
                *("--name", text("Parameters.DatasetManifest")),
                *self._in_service(),
            ],
            sources=[processing_input("dataset", manifest, kind="ManifestFile")],
            outputs={"prepared": run_folder(self.artifacts_bucket, "prepared")},
        )
        # The manifest's name stays the same when photos change; its version does not.
        step["Arguments"]["Environment"] = {
            "BINSIGHT_DATASET_VERSION": get("Parameters.DatasetVersion")
        }
        return {**step, **cache(self.training.cache_days)}

    def train(self) -> dict[str, Any]:
        """Train, quantise and pack the model."""
        settings = self.training
        arguments: dict[str, Any] = {
            "AlgorithmSpecification": {
                "TrainingImage": self.training_image,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": entrypoint(f"{TRAINING_DATA}/code"),
                "ContainerArguments": ["train"],
                "MetricDefinitions": [
                    {"Name": name, "Regex": f"{name.replace(':', '_')}=([0-9.]+)"}
                    for name in METRICS
                ],
            },
            "RoleArn": self.role_arn,
            "InputDataConfig": self._channels(),
            "HyperParameters": self._hyperparameters(),
            # model.tar.gz, and output.tar.gz with the report on the training.
            "OutputDataConfig": {
                "S3OutputPath": run_folder(self.artifacts_bucket, "train"),
                "KmsKeyId": self.key_arn,
            },
            "ResourceConfig": machines(
                "InstanceType",
                settings.machine,
                count=get("Parameters.InstanceCount"),
                volume_gb=settings.volume_gb,
                key_arn=self.key_arn,
            ),
            "StoppingCondition": self._limit(),
            # The machines of one job communicate when an execution uses several.
            "EnableInterContainerTrafficEncryption": True,
            # The step installs its locked packages, so it needs the package index.
            "EnableNetworkIsolation": False,
            **self._tags(),
        }
        if settings.spot:
            wait = settings.maximum_minutes * 60 * _WAIT_FOR_SPOT
            arguments["EnableManagedSpotTraining"] = True
            arguments["StoppingCondition"]["MaxWaitTimeInSeconds"] = wait
            arguments["CheckpointConfig"] = {"S3Uri": _checkpoints(), "LocalPath": CHECKPOINTS}
        return {
            "Name": "Train",
            "Type": "Training",
            "Arguments": arguments,
            "RetryPolicies": retries(job=True),
            **cache(settings.cache_days),
        }

    def evaluate(self) -> dict[str, Any]:
        """Measure the packaged model, compare it with the approved one, and write the quality
        verdict.

        Never reused, because SageMaker does not compare which model is approved.
        """
        step = self._processing(
            "Evaluate",
            arguments=[
                *("--model", f"{PROCESSING}/input/model"),
                *("--prepared", f"{PROCESSING}/input/prepared"),
                *("--evaluation", f"{PROCESSING}/output/evaluation"),
                *("--output", f"{PROCESSING}/output/model"),
                *self._in_service(),
                *("--minimum-item-accuracy", text("Parameters.MinimumItemAccuracy")),
                *("--minimum-accuracy", text("Parameters.MinimumAccuracy")),
                *("--minimum-recall", text("Parameters.MinimumRecall")),
                *("--maximum-int8-loss", text("Parameters.MaximumInt8Loss")),
                *("--tolerance", text("Parameters.Tolerance")),
                *("--maximum-forgetting", text("Parameters.MaximumForgetting")),
                *("--bins", *in_pieces(self.bins)),
            ],
            sources=[
                processing_input("model", get("Steps.Train.ModelArtifacts.S3ModelArtifacts")),
                processing_input("prepared", join(output_of("Prepare", "prepared"), "/")),
            ],
            outputs={
                "evaluation": run_folder(self.artifacts_bucket, "evaluation"),
                "model": model_folder(self.artifacts_bucket),
            },
        )
        step["PropertyFiles"] = [
            {
                "PropertyFileName": "Evaluation",
                "OutputName": "evaluation",
                "FilePath": "evaluation.json",
            }
        ]
        return step

    def _in_service(self) -> tuple[str, ...]:
        """The model package group in which a job looks up the currently approved model."""
        return ("--approved-group", self.model_package_group, "--region", self.region)

    def _channels(self) -> list[dict[str, Any]]:
        channels = [
            training_channel("code", self.code_uri),
            # The slash is required: without it, the checkpoints beside the folder would match too.
            training_channel("prepared", join(output_of("Prepare", "prepared"), "/")),
        ]
        if self.training.weights_prefix:
            channels.append(training_channel("weights", self.training.weights))
        return channels

    def _hyperparameters(self) -> dict[str, Any]:
        given: dict[str, Any] = {
            "network": get("Parameters.Network"),
            "epochs": text("Parameters.Epochs"),
            "image-size": text("Parameters.ImageSize"),
            "seed": text("Parameters.Seed"),
            "patience": str(self.training.patience),
            "int8-loss": text("Parameters.MaximumInt8Loss"),
        }
        if not self.training.weights_prefix:
            # From S3 they arrive through the channel, which takes precedence.
            given["weights"] = self.training.weights
        return given

    def _processing(
        self,
        name: str,
        *,
        arguments: Sequence[Any],
        sources: Sequence[dict[str, Any]],
        outputs: Mapping[str, Any],
    ) -> dict[str, Any]:
        """A processing step that runs ``training.<name>`` from the code archive."""
        return {
            "Name": name,
            "Type": "Processing",
            "Arguments": {
                "ProcessingResources": {
                    "ClusterConfig": machines(
                        "ProcessingInstanceType",
                        self.training.processing_machine,
                        count=1,
                        volume_gb=self.training.volume_gb,
                        key_arn=self.key_arn,
                    )
                },
                "AppSpecification": {
                    "ImageUri": self.image,
                    "ContainerEntrypoint": entrypoint(f"{PROCESSING}/input/code"),
                    "ContainerArguments": [name.lower(), *arguments],
                },
                "RoleArn": self.role_arn,
                "ProcessingInputs": [processing_input("code", self.code_uri), *sources],
                "ProcessingOutputConfig": {
                    "Outputs": [processing_output(output, uri) for output, uri in outputs.items()],
                    "KmsKeyId": self.key_arn,
                },
                "StoppingCondition": self._limit(),
                # The step installs its locked packages, so it needs the package index.
                "NetworkConfig": {"EnableNetworkIsolation": False},
                **self._tags(),
            },
            "RetryPolicies": retries(job=True),
        }

    def _limit(self) -> dict[str, Any]:
        return {"MaxRuntimeInSeconds": self.training.maximum_minutes * 60}

    def _tags(self) -> dict[str, Any]:
        tags = [{"Key": key, "Value": value} for key, value in sorted(self.tags.items())]
        return {"Tags": tags} if tags else {}


def _checkpoints() -> dict[str, Any]:
    """A folder beside the training photos, so that a repeated job finds its checkpoints."""
    parts: list[Any] = [output_of("Prepare", "prepared"), "-checkpoints"]
    for place, name in enumerate(("Network", "ImageSize", "Epochs", "Seed")):
        parts += ["-" if place else "/", get(f"Parameters.{name}")]
    # The service uses the prefix literally: without the slash, seed 1 would also match seed 10.
    return join(*parts, "/")
