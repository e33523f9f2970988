# SPDX-License-Identifier: Apache-2.0
"""The optional SageMaker notebook instance that opens with the project's notebook."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.common.compliance import acknowledge
from infra.common.permissions import list_objects, read_objects, use_data_key
from infra.common.role import Allow, ServiceRole, trust_of_account
from infra.common.stack import environment_of
from infra.training.pipeline import TrainingPipeline

_PLATFORM = "notebook-al2023-v1"
_VOLUME_GB = 20
_HOME = "/home/ec2-user/SageMaker"
_KERNEL = "binsight"
_PYTHON = "python3.12"
_IPYKERNEL = "ipykernel==7.4.0"
"""The version of requirements/sdk.txt, which the notebook is tested with; a test compares."""

_OPEN = (
    "The notebook's cells install SageMaker's SDK and call AWS; notebook_subnet and "
    "notebook_security_group put it into a VPC of yours instead. It accepts connections only "
    "through SageMaker's presigned URL."
)


class TrainingNotebook(Construct):
    """A notebook instance of one environment: encrypted, IMDSv2, no root, stopped when idle.

    Its role has the permissions that the cells need: read photos and results, start the pipeline,
    approve.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        instance_type: str,
        dataset: s3.IBucket,
        artifacts: s3.IBucket,
        pipeline: TrainingPipeline,
        code: s3_assets.Asset,
    ) -> None:
        super().__init__(scope, construct_id)
        environment = environment_of(self)
        settings = environment.settings
        training = settings.training
        self.name = f"{settings.prefix}-notebook"
        logs = environment.arn("logs", "log-group:/aws/sagemaker/NotebookInstances")
        role = ServiceRole(
            self,
            "Role",
            service="sagemaker.amazonaws.com",
            description="Permissions of a person in the training notebook",
            # Notebook instances are not among those that SageMaker's guide lists for these keys.
            trust_when=trust_of_account(settings.account, certain=False),
            allow=[
                Allow(
                    actions=["cloudformation:DescribeStacks"],
                    resources=[
                        environment.arn("cloudformation", f"stack/{settings.prefix}-{stack}/*")
                        for stack in ("data", "training")
                    ],
                    why="CloudFormation ends a stack's ARN with a generated id.",
                ),
                read_objects(dataset, ["*"]),
                list_objects(dataset),
                read_objects(artifacts, ["runs/*", "models/*"]),
                read_objects(code.bucket, [code.s3_object_key]),
                use_data_key(self, ["s3"]),
                *_pipeline(pipeline.arn),
                Allow(
                    actions=["sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"],
                    resources=[pipeline.registry.packages_arn],
                    why="SageMaker names a group's packages by number.",
                ),
                Allow(
                    actions=["sagemaker:StopNotebookInstance"],
                    resources=[environment.arn("sagemaker", f"notebook-instance/{self.name}")],
                ),
                Allow(
                    actions=["logs:CreateLogGroup"],
                    resources=[logs, f"{logs}:*"],
                    why="The same log group in the two forms of its ARN that CloudWatch Logs uses.",
                ),
                Allow(
                    actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                    resources=[f"{logs}:log-stream:{self.name}/*"],
                    why="SageMaker writes all notebook instances of an account to this log group; "
                    "the wildcard is the streams of this one.",
                ),
            ],
        )
        lifecycle = sagemaker.CfnNotebookInstanceLifecycleConfig(
            self,
            "Start",
            on_start=[
                sagemaker.CfnNotebookInstanceLifecycleConfig.NotebookInstanceLifecycleHookProperty(
                    content=cdk.Fn.base64(
                        start_script(
                            code_uri=code.s3_object_url,
                            folder=f"binsight-{code.asset_hash[:12]}",
                            prefix=settings.prefix,
                            region=settings.region,
                            name=self.name,
                            idle_minutes=training.notebook_idle_minutes,
                        )
                    )
                )
            ],
        )
        subnet, group = training.notebook_subnet, training.notebook_security_group
        closed = subnet is not None and group is not None
        notebook = sagemaker.CfnNotebookInstance(
            self,
            "Notebook",
            notebook_instance_name=self.name,
            instance_type=instance_type,
            platform_identifier=_PLATFORM,
            role_arn=role.arn,
            kms_key_id=environment.key.key_arn,
            volume_size_in_gb=_VOLUME_GB,
            root_access="Disabled",
            direct_internet_access="Disabled" if closed else "Enabled",
            subnet_id=subnet if closed else None,
            security_group_ids=[group] if closed and group else None,
            instance_metadata_service_configuration=(
                sagemaker.CfnNotebookInstance.InstanceMetadataServiceConfigurationProperty(
                    minimum_instance_metadata_service_version="2"
                )
            ),
            lifecycle_config_name=lifecycle.attr_notebook_instance_lifecycle_config_name,
        )
        acknowledge(
            notebook,
            {
                "BinsightChecks::BINSIGHT-CFN2": "Its role may stop exactly this instance when it "
                "is idle, so its name must be known before the instance exists."
            },
        )
        if not closed:
            acknowledge(
                notebook,
                {
                    "AwsSolutions-SM1": _OPEN,
                    "AwsSolutions-SM3": _OPEN,
                    "NIST.800.53.R5-SageMakerNotebookNoDirectInternetAccess": _OPEN,
                },
            )


def start_script(
    *, code_uri: str, folder: str, prefix: str, region: str, name: str, idle_minutes: int
) -> str:
    """The script that the instance runs at each start, as root, within five minutes.

    The folder's name contains the code's digest: a person's changes in it survive restarts, and a
    new deployment creates a new folder. The notebook's packages need a newer Python than the
    instance has (3.10 in its kernels, 3.9 in its system), so a separate kernel is installed in the
    background: it takes a minute, and without it the instance still starts and stops.
    """
    place = f"{_HOME}/{folder}"
    notebooks = f"{place}/training/notebooks"
    environment = f"{_HOME}/.{_KERNEL}"
    python = f"{environment}/bin/python"
    as_user = "runuser -u ec2-user --"
    return f"""#!/bin/bash
set -euo pipefail
if [[ ! -d {place} ]]; then
  w=$(mktemp -d)
  aws s3 cp --only-show-errors --region {region} {code_uri} "$w/code.zip"
  python3 -m zipfile -e "$w/code.zip" "$w/code"
  echo '{{"prefix": "{prefix}"}}' > "$w/code/training/notebooks/binsight.json"
  sed -i 's/"name": "python3"/"name": "{_KERNEL}"/' "$w"/code/training/notebooks/*.ipynb
  chown -R ec2-user:ec2-user "$w/code"
  mv "$w/code" {place}
fi
systemd-run --unit binsight-idle --on-active=10min --on-unit-active=5min \\
  python3 {notebooks}/stop_when_idle.py --name {name} --region {region} --minutes {idle_minutes}
cat > /usr/local/bin/{_KERNEL}-kernel <<'END'
#!/bin/bash
set -euo pipefail
dnf install -y -q {_PYTHON}
{as_user} test -x {python} || {as_user} {_PYTHON} -m venv {environment}
{as_user} {python} -m pip install -q {_IPYKERNEL}
{python} -m ipykernel install --prefix /usr/local --name {_KERNEL} --display-name Binsight
END
chmod +x /usr/local/bin/{_KERNEL}-kernel
systemd-run --unit {_KERNEL}-kernel /usr/local/bin/{_KERNEL}-kernel
"""


def _pipeline(arn: str) -> list[Allow]:
    return [
        Allow(
            actions=["sagemaker:DescribePipeline", "sagemaker:StartPipelineExecution"],
            resources=[arn],
        ),
        Allow(
            actions=[
                "sagemaker:DescribePipelineExecution",
                "sagemaker:ListPipelineExecutionSteps",
            ],
            resources=[f"{arn}/execution/*"],
            why="Executions of this one pipeline; SageMaker generates their ids.",
        ),
    ]
