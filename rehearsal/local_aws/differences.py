# SPDX-License-Identifier: Apache-2.0
"""What the local AWS does not do, said by the rehearsal instead of hidden."""

from __future__ import annotations

DIFFERENCES: tuple[str, ...] = (
    "IAM, bucket, key and IoT policies are stored but not enforced: a missing permission shows only on AWS.",
    "Nothing is encrypted at rest; KMS keys, their rotation and TLS-only policies are settings, not protection.",
    "Pipeline steps run as processes of this machine with the project's Python, not in the SageMaker image, "
    "on no instance type, with no network isolation.",
    "Training jobs find SM_* variables and a rewritten /opt/ml; on AWS /opt/ml is real.",
    "Firehose delivers every record at once as its own object; buffering, partition projection and Athena "
    "queries are not exercised.",
    "Lambda functions run as local processes: memory size and instruction set are not enforced.",
    "S3 lifecycle rules, DynamoDB time to live and log retention are stored; nothing expires.",
    "CloudFormation creates resources in seconds; quotas, throttling and eventual consistency are absent.",
    "Custom::S3AutoDeleteObjects is done by the local AWS itself instead of CDK's Node function.",
    "Core devices are simulated: they are registered things without certificates and without MQTT.",
    "No cost is incurred and no quota is used.",
)
