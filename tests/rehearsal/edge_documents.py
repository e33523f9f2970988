# SPDX-License-Identifier: Apache-2.0
"""The camera program and the runtime deployment as templates have them, without the rest.

``BINSIGHT_ENVIRONMENTS=folder python -m tests.rehearsal.edge_documents OUT`` writes OUT/<name>.json
for each environment file: ``resources`` of a stack that has nothing else, and ``variables``, what
the program must be told. Archives are empty: building real ones takes a minute, and their content
is not the point.
"""

import hashlib
import json
import sys
import zipfile
from pathlib import Path
from unittest import mock

import aws_cdk as cdk
from aws_cdk import aws_iot as iot
from aws_cdk import aws_s3 as s3

from infra.assets.bundling import Asset
from infra.common.stack import EnvironmentStack
from infra.config import settings
from infra.edge.component import camera_variables
from infra.edge.generic_component import GenericComponent
from infra.edge.lambda_component import LambdaComponent
from infra.edge.runtime_deployment import RuntimeDeployment

CAPTURES = "captures-bucket"
KEY = "arn:aws:kms:us-east-1:111111111111:key/0"


def write(name: str, out: Path, archive: Path) -> None:
    """One environment's documents."""
    environment = settings.load(name)
    app = cdk.App(outdir=str(out / name))
    stack = EnvironmentStack(app, "Edge", settings=environment, key_arn=KEY)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    with mock.patch("infra.common.asset.built", return_value=Asset(str(archive), digest)):
        component = f"{environment.prefix}.Inference"
        captures = s3.Bucket.from_bucket_name(stack, "Captures", CAPTURES)
        artifacts = s3.Bucket.from_bucket_name(stack, "Artifacts", "artifacts-bucket")
        program = (
            GenericComponent(
                stack,
                "Inference",
                component_name=component,
                captures=captures,
                artifacts=artifacts,
            )
            if environment.camera.packaging == "generic"
            else LambdaComponent(stack, "Inference", component_name=component, captures=captures)
        )
    RuntimeDeployment(
        stack,
        "Runtime",
        group=iot.CfnThingGroup(stack, "Group", thing_group_name="runtime"),
        inference=program,
        model_component=f"{environment.prefix}.Model",
    )
    app.synth()
    template = json.loads((out / name / "Edge.template.json").read_text(encoding="utf-8"))
    document = {
        "resources": template["Resources"],
        "variables": camera_variables(environment, CAPTURES),
    }
    (out / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")


def main() -> None:
    """All environment files there are."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True)
    archive = out / "empty.zip"
    with zipfile.ZipFile(archive, "w"):
        pass
    for name in settings.names():
        write(name, out, archive)


if __name__ == "__main__":
    main()
