# SPDX-License-Identifier: Apache-2.0
"""What the local AWS does differently from AWS, to be shown to people instead of hidden."""

from __future__ import annotations

DIFFERENCES: tuple[str, ...] = (
    (
        "Each call is checked against identity, resource, key and trust policies and permissions "
        "boundaries, and each request with a certificate against its AWS IoT policies. Service "
        "control policies are not supported."
    ),
    (
        "Nothing is encrypted at rest, and loopback counts as TLS. Whether a caller may use a key "
        "is checked."
    ),
    (
        "Pipeline steps are processes of this machine with the server's Python: no SageMaker "
        "image, no instance type, no network isolation."
    ),
    (
        "MQTT, the credentials provider and Greengrass's data plane share one port and one name. "
        "On AWS each has its own, and a device that sends the wrong server name is refused."
    ),
    "Training jobs get SM_* variables and another folder instead of /opt/ml.",
    (
        "Checkpoints are copied to S3 when a training job ends or is interrupted; on AWS they are "
        "copied continuously. The instances of a training job are processes on this machine that "
        "share its network. Retries wait a hundredth of their time."
    ),
    (
        "Firehose delivers each record at once as a separate object, or buffers records for the "
        "number of seconds that the server was started with. "
        "DuckDB answers Athena's queries: SQL that only Athena understands fails, and a query "
        "reads every partition of a table."
    ),
    "Lambda functions are local processes of this Python, whatever their runtime and memory are.",
    "Lifecycle rules, DynamoDB time to live and log retention are stored; nothing expires.",
    "Wait states of state machines last a hundredth of the time on AWS.",
    (
        "CloudFormation finishes in seconds. There is no throttling and no eventual consistency, "
        "and the only quotas are those for SageMaker instances that the server was started with."
    ),
    "The local AWS itself carries out Custom::S3AutoDeleteObjects, not CDK's Node function.",
    (
        "Deployments to a single thing arrive as jobs; on AWS they arrive by the named shadow "
        "AWSManagedGreengrassV2Deployment. No job document is too long for a message, so "
        "GetDeploymentConfiguration is not needed and not supported."
    ),
    (
        "A deployment that was replaced by another has the status CANCELED: AWS does not document "
        "whether it is that or INACTIVE."
    ),
)
"""What this package does differently; extensions add their own (`Extension.differences`)."""
