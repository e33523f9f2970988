# SPDX-License-Identifier: Apache-2.0
"""Limits that AWS enforces at creation and that no schema contains, each with its source.

``infra/checks/rules`` compares every template with this table at synth;
``infra/config/settings_limits`` compares the settings with it before synth.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most this many of a unit; ``source`` is AWS's page with the limit."""

    most: int
    unit: str
    source: str

    def __str__(self) -> str:
        return f"AWS accepts {self.most:,} {self.unit} ({self.source})"


_IAM = "IAM user guide, IAM and AWS STS quotas"

IOT_POLICY = Limit(
    most=2048,
    unit="characters without white space in a policy of AWS IoT",
    source="AWS IoT API reference, CreatePolicy, policyDocument",
)
MANAGED_POLICY = Limit(
    most=6144, unit="characters without white space in a managed policy", source=_IAM
)
INLINE_POLICIES = Limit(
    most=10240, unit="characters without white space in all inline policies of a role", source=_IAM
)
TRUST_POLICY = Limit(
    most=2048,
    unit="characters in a role's trust policy, unless the quota was raised",
    source=_IAM,
)
ATTACHED_POLICIES = Limit(
    most=10, unit="managed policies on a role, unless the quota was raised", source=_IAM
)
ROLE_NAME = Limit(most=64, unit="characters in a role's name", source=_IAM)

TAGS = Limit(most=50, unit="tags on a resource", source="AWS general reference, Tag naming limits")
OWN_TAGS = 1
"""The CDK adds a tag to buckets that are deleted with their stack."""
TAG_KEY = Limit(
    most=128, unit="characters in a tag's key", source="AWS general reference, Tag naming limits"
)
TAG_VALUE = Limit(
    most=256, unit="characters in a tag's value", source="AWS general reference, Tag naming limits"
)

LAMBDA_ENVIRONMENT = Limit(
    most=4096,
    unit="bytes in a function's environment variables, as JSON",
    source="Lambda developer guide, Lambda quotas",
)
STATE_MACHINE_DEFINITION = Limit(
    most=1024 * 1024,
    unit="characters in a state machine's definition",
    source="Step Functions developer guide, Quotas related to state machines",
)
STATE_MACHINE_HISTORY = Limit(
    most=25_000,
    unit="events in an execution's history",
    source="Step Functions developer guide, Quotas related to state machine executions",
)
PIPELINE_DEFINITION = Limit(
    most=1024 * 1024,
    unit="characters in a pipeline's definition",
    source="SageMaker API reference, CreatePipeline, PipelineDefinition",
)
CUSTOM_METADATA = Limit(
    most=50,
    unit="custom metadata properties of a model package",
    source="SageMaker API reference, CreateModelPackage, CustomerMetadataProperties",
)
CUSTOM_METADATA_VALUE = Limit(
    most=256,
    unit="characters in a custom metadata property",
    source="SageMaker API reference, CreateModelPackage, CustomerMetadataProperties",
)

RECIPE = Limit(
    most=16 * 1024,
    unit="bytes in a component's recipe",
    source="AWS general reference, AWS IoT Greengrass V2 quotas",
)
DEPLOYMENT = Limit(
    most=31 * 1024,
    unit="bytes in a deployment to a thing group, above which a core must fetch the configuration",
    source="AWS general reference, AWS IoT Greengrass V2 quotas",
)
PROVISIONING_TEMPLATE = Limit(
    most=10240,
    unit="bytes in a provisioning template",
    source="AWS IoT API reference, CreateProvisioningTemplate, templateBody",
)

TOPIC = Limit(
    most=256,
    unit="bytes in a topic",
    source="AWS general reference, AWS IoT Core message broker quotas",
)
TOPIC_SLASHES = Limit(
    most=7,
    unit="slashes in a topic",
    source="AWS general reference, AWS IoT Core message broker quotas",
)
THING_NAME = Limit(
    most=128, unit="characters in a thing's name", source="AWS IoT API reference, CreateThing"
)

NAMES: dict[str, tuple[str, Limit]] = {
    type_: (
        key,
        Limit(most=most, unit=f"characters in {key}", source=f"{service} API reference"),
    )
    for type_, key, most, service in (
        ("AWS::CloudWatch::Dashboard", "DashboardName", 255, "CloudWatch"),
        ("AWS::DynamoDB::Table", "TableName", 255, "DynamoDB"),
        ("AWS::Events::Rule", "Name", 64, "EventBridge"),
        ("AWS::Glue::Database", "DatabaseInput.Name", 255, "Glue"),
        ("AWS::GreengrassV2::Deployment", "DeploymentName", 256, "Greengrass V2"),
        ("AWS::IAM::ManagedPolicy", "ManagedPolicyName", 128, "IAM"),
        ("AWS::IAM::Role", "RoleName", ROLE_NAME.most, "IAM"),
        ("AWS::IoT::Policy", "PolicyName", 128, "AWS IoT"),
        ("AWS::IoT::ProvisioningTemplate", "TemplateName", 36, "AWS IoT"),
        ("AWS::IoT::RoleAlias", "RoleAlias", 128, "AWS IoT"),
        ("AWS::IoT::ThingGroup", "ThingGroupName", 128, "AWS IoT"),
        ("AWS::IoT::ThingType", "ThingTypeName", 128, "AWS IoT"),
        ("AWS::IoT::TopicRule", "RuleName", 128, "AWS IoT"),
        ("AWS::KinesisFirehose::DeliveryStream", "DeliveryStreamName", 64, "Firehose"),
        ("AWS::Lambda::Function", "FunctionName", 64, "Lambda"),
        ("AWS::Logs::LogGroup", "LogGroupName", 512, "CloudWatch Logs"),
        ("AWS::S3::Bucket", "BucketName", 63, "S3"),
        ("AWS::SNS::Topic", "TopicName", 256, "SNS"),
        ("AWS::SQS::Queue", "QueueName", 80, "SQS"),
        ("AWS::SageMaker::ModelPackageGroup", "ModelPackageGroupName", 63, "SageMaker"),
        ("AWS::SageMaker::NotebookInstance", "NotebookInstanceName", 63, "SageMaker"),
        ("AWS::SageMaker::Pipeline", "PipelineName", 256, "SageMaker"),
        ("AWS::StepFunctions::StateMachine", "StateMachineName", 80, "Step Functions"),
    )
}
"""By type: the property with the name, and its maximum length."""
