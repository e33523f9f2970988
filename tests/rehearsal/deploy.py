# SPDX-License-Identifier: Apache-2.0
"""Deploys a cloud assembly to the local AWS through CloudFormation, without the CDK command line.

The command line has tests of its own (tests/environments, the rehearsal); starting it twice costs
more than all that is deployed here.
"""

import json
import time
from pathlib import Path

from rehearsal.aws_client import STACKS, Cloud


def deploy(cloud: Cloud, assembly: Path) -> None:
    """Publish the assets and create the stacks in their order. AssertionError with the reasons."""
    cloud.client("ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Type="String", Value="30"
    )
    bucket = f"cdk-hnb659fds-assets-{cloud.account}-{cloud.region}"
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=bucket)
    for name in STACKS:
        _publish(s3, assembly, name.capitalize())
        template = assembly / f"{name.capitalize()}.template.json"
        # As the CDK does: CloudFormation takes 51,200 bytes in the call itself.
        s3.upload_file(str(template), bucket, template.name)
        _create(cloud, f"{cloud.endpoint}/{bucket}/{template.name}", name)


def _publish(s3, assembly: Path, stack: str) -> None:
    manifest = json.loads((assembly / f"{stack}.assets.json").read_text(encoding="utf-8"))
    for file in manifest["files"].values():
        source = assembly / file["source"]["path"]
        for target in file["destinations"].values():
            if source.is_file():
                s3.upload_file(str(source), target["bucketName"], target["objectKey"])


def _create(cloud: Cloud, template_url: str, stack: str) -> None:
    cloudformation = cloud.client("cloudformation")
    name = f"{cloud.prefix}-{stack}"
    cloudformation.create_stack(
        StackName=name, TemplateURL=template_url, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    deadline = time.monotonic() + 120
    status = "CREATE_IN_PROGRESS"
    while status == "CREATE_IN_PROGRESS" and time.monotonic() < deadline:
        time.sleep(0.1)
        status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    reasons = [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        if event["ResourceStatus"] == "CREATE_FAILED"
    ]
    assert status == "CREATE_COMPLETE", (name, status, reasons)
