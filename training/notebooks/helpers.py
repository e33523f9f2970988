# SPDX-License-Identifier: Apache-2.0
"""What the notebook's cells call, so that they stay short: places, photos, waiting, a model."""

import base64
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

PACKAGES = {"sagemaker": "3.27.0", "onnxruntime": "1.31.1", "pillow": "13.0.0"}
CONFIGURATION = "binsight.json"
_STACKS = ("data", "training")
_ENDED = {"Succeeded", "Failed", "Stopped"}

_SILENT = {"SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}


def _keep_silent() -> None:
    """Nothing is reported to the makers of what the notebook uses.

    Before any of it is imported. The SDK's file is for its functions that make a session of their
    own, which no cell has configured.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    if "SAGEMAKER_USER_CONFIG_OVERRIDE" not in os.environ:
        file = Path(tempfile.mkdtemp(prefix="binsight-")) / "config.yaml"
        # JSON is YAML.
        file.write_text(json.dumps({"SchemaVersion": "1.0", **_SILENT}), encoding="utf-8")
        os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(file)


_keep_silent()


def install_packages() -> list[str]:
    """Install what the notebook needs and this Python lacks; returns what was installed."""
    wanted = []
    for name, version in PACKAGES.items():
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = ""
        if found != version:
            wanted.append(f"{name}=={version}")
    if wanted:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted], check=True)
    return wanted


def configuration() -> dict[str, str]:
    """Which environment this is: BINSIGHT_PREFIX, else what the notebook instance was given."""
    prefix = os.environ.get("BINSIGHT_PREFIX")
    if prefix:
        return {"prefix": prefix}
    file = Path(CONFIGURATION)
    if file.is_file():
        return dict(json.loads(file.read_text(encoding="utf-8")))
    raise RuntimeError(
        f"set BINSIGHT_PREFIX to the environment's prefix (such as binsight-dev), or put "
        f'{{"prefix": "..."}} into {file.resolve()}'
    )


@dataclass(frozen=True)
class Deployment:
    """The names that `cdk deploy` gave to this environment's parts; `session` is boto3's."""

    session: Any
    prefix: str
    outputs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def find(cls, session: Any) -> "Deployment":
        """Ask CloudFormation for the outputs of the stacks."""
        prefix, outputs = configuration()["prefix"], {}
        cloudformation = session.client("cloudformation")
        for stack in _STACKS:
            described = cloudformation.describe_stacks(StackName=f"{prefix}-{stack}")["Stacks"]
            outputs.update(
                {
                    item["OutputKey"]: item["OutputValue"]
                    for item in described[0]["Outputs"]
                    # What stacks tell each other is of no interest to people.
                    if not item["OutputKey"].startswith("ExportsOutput")
                }
            )
        return cls(session, prefix, outputs)

    def read(self, uri: str) -> bytes:
        """The object at an s3:// address."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body = self.session.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
        return bytes(body.read())


@dataclass(frozen=True)
class Dataset:
    """The photos that a manifest names, by class; `version` is the manifest's."""

    key: str
    version: str
    photos: Mapping[str, Sequence[str]]

    @classmethod
    def latest(cls, deployment: Deployment, name: str | None = None) -> "Dataset":
        """The dataset of this name, or the one whose manifest was written last."""
        s3, bucket = deployment.session.client("s3"), deployment.outputs["DatasetBucket"]
        # Always with a prefix, be it empty: a policy that limits prefixes allows no other listing.
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"{name}/" if name else ""
        )
        found = [
            item
            for page in pages
            for item in page.get("Contents", [])
            if item["Key"] == f"{name}/manifest.json"
            or (name is None and item["Key"].endswith("/manifest.json"))
        ]
        if not found:
            raise RuntimeError(f"no dataset in {bucket}: upload one with `make upload-dataset`")
        key = max(found, key=lambda item: item["LastModified"])["Key"]
        head = s3.head_object(Bucket=bucket, Key=key)
        # An unversioned bucket has no versions; then what was written is its own name.
        version = head.get("VersionId") or head["ETag"].strip('"')
        [first, *names] = json.loads(deployment.read(f"s3://{bucket}/{key}"))
        photos: dict[str, list[str]] = {}
        for entry in names:
            photos.setdefault(entry.split("/")[0], []).append(first["prefix"] + entry)
        return cls(key, version, dict(sorted(photos.items())))


def gallery(deployment: Deployment, dataset: Dataset, *, each: int = 4, height: int = 90) -> str:
    """A row of photos for every class, as HTML."""
    rows = []
    for name, uris in dataset.photos.items():
        pictures = "".join(picture(deployment.read(uri), height=height) for uri in uris[:each])
        rows.append(f"<p><b>{escape(name)}</b>: {len(uris)} photos<br>{pictures}</p>")
    return "".join(rows)


def picture(body: bytes, *, height: int = 90, about: str = "photo") -> str:
    """One photo, made small, as HTML."""
    from PIL import Image  # noqa: PLC0415 - may have been installed by a cell

    image = Image.open(BytesIO(body)).convert("RGB")
    image.thumbnail((4 * height, height))
    small = BytesIO()
    image.save(small, "JPEG", quality=80)
    data = base64.b64encode(small.getvalue()).decode()
    return f'<img height="{height}" alt="{escape(about)}" src="data:image/jpeg;base64,{data}"> '


def page(body: bytes, *, height: int = 600) -> str:
    """A whole HTML page in a frame of its own, as HTML."""
    inside = escape(body.decode())
    return f'<div><iframe width="100%" height="{height}" srcdoc="{inside}"></iframe></div>'


def follow(execution: Any, *, every: float = 10.0) -> str:
    """Print each step of a pipeline execution as it ends; returns how the execution ended."""
    told: set[str] = set()
    while True:
        described = execution.describe()
        for step in reversed(execution.list_steps()):
            name, status = step["StepName"], step["StepStatus"]
            if status in _ENDED and name not in told:
                told.add(name)
                note = " (reused)" if "CacheHitResult" in step else ""
                print(f"{name}: {status.lower()}{note} {step.get('FailureReason', '')}")
        if described["PipelineExecutionStatus"] in _ENDED:
            return str(described["PipelineExecutionStatus"])
        time.sleep(every)


class Model:
    """A registered model, run here as a camera runs it."""

    def __init__(self, deployment: Deployment, package: Mapping[str, Any]) -> None:
        # From the code archive of the pipeline, which lies beside the notebook.
        from contracts.model_archive import unpack_archive  # noqa: PLC0415
        from training.classifier import Classifier  # noqa: PLC0415

        [container] = package["InferenceSpecification"]["Containers"]
        with tempfile.TemporaryDirectory() as name:
            archive, folder = Path(name) / "model.tar.gz", Path(name) / "model"
            archive.write_bytes(deployment.read(container["ModelDataUrl"]))
            folder.mkdir()
            self.card = unpack_archive(archive, folder)
            self._classifier = Classifier(folder / "model.onnx")

    def classify(self, body: bytes) -> tuple[str, float]:
        """The class of a photo, and how sure the model is."""
        import numpy as np  # noqa: PLC0415
        from PIL import Image  # noqa: PLC0415

        from contracts.preprocessing import resize  # noqa: PLC0415

        image = Image.open(BytesIO(body))
        image.draft("RGB", (self.card.width, self.card.height))
        pixels = np.asarray(image.convert("RGB"))
        seen = resize(pixels, width=self.card.width, height=self.card.height)
        [answer] = self._classifier.answers(seen[None], flips=self.card.flips)
        best = int(answer.argmax())
        return self.card.labels[best], float(answer[best])
