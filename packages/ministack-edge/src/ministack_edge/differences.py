# SPDX-License-Identifier: Apache-2.0
"""What the local AWS does differently from AWS, to be shown to people instead of hidden."""

from __future__ import annotations

DIFFERENCES: tuple[str, ...] = (
    (
        "Every call is decided by identity, resource, key and trust policies and permissions "
        "boundaries, and what a certificate does by its AWS IoT policies; service control policies "
        "are absent."
    ),
    (
        "Nothing is encrypted at rest and loopback counts as TLS; whether a caller may use a key "
        "is decided."
    ),
    (
        "Pipeline steps are processes of this machine with the server's Python: no SageMaker "
        "image, no instance type, no network isolation."
    ),
    (
        "MQTT, the credentials provider and Greengrass's data plane share one port and one name; "
        "on AWS each has its own, and a device without the right server name is turned away."
    ),
    "Training jobs find SM_* variables and a rewritten /opt/ml; on AWS /opt/ml is real.",
    (
        "Checkpoints go to S3 when a training job ends or is interrupted; on AWS all the while. "
        "The machines of one training job are processes of this machine that share its network, "
        "and retries wait a hundredth."
    ),
    (
        "Firehose delivers every record at once as an object of its own, or collects them for as "
        "many seconds as the server is started with. "
        "DuckDB answers Athena's queries: SQL that only Athena understands fails, and a query "
        "reads every partition of a table."
    ),
    "Lambda functions are local processes of this Python, whatever runtime and memory they name.",
    "Lifecycle rules, DynamoDB time to live and log retention are stored; nothing expires.",
    "Wait states of state machines last a hundredth of their time.",
    (
        "CloudFormation is done in seconds; throttling and eventual consistency are absent, and "
        "so are quotas other than those of SageMaker's machines that the server is started with."
    ),
    "Custom::S3AutoDeleteObjects is done by the local AWS itself, not by CDK's Node function.",
    (
        "Deployments to single things come as jobs too; on AWS by the named shadow "
        "AWSManagedGreengrassV2Deployment. Job documents are never too long for a message, so "
        "GetDeploymentConfiguration is absent."
    ),
    (
        "A deployment that another replaced reads CANCELED: AWS does not document whether it is "
        "that or INACTIVE."
    ),
)
"""What this package does differently; extensions add their own (`Extension.differences`)."""
