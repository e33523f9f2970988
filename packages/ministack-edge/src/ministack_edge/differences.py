# SPDX-License-Identifier: Apache-2.0
"""What the local AWS does not do, said by the rehearsal instead of hidden."""

from __future__ import annotations

from ministack_edge.sagemaker.offline_weights import DIFFERENCE

DIFFERENCES: tuple[str, ...] = (
    (
        "Every call is decided by identity, resource, key and trust policies and permissions "
        "boundaries (docs/permissions.md); the cameras' AWS IoT policies are stored, not enforced, "
        "and service control policies are absent."
    ),
    (
        "Nothing is encrypted at rest and loopback counts as TLS; whether a caller may use a key "
        "is decided."
    ),
    (
        "Pipeline steps are processes of this machine with the project's Python: no SageMaker "
        "image, no instance type, no network isolation."
    ),
    "Training jobs find SM_* variables and a rewritten /opt/ml; on AWS /opt/ml is real.",
    DIFFERENCE,
    (
        "Checkpoints go to S3 when a training job ends or is interrupted; on AWS all the while. "
        "The machines of one training job are processes of this machine that share its network, "
        "and retries wait a hundredth."
    ),
    (
        "Firehose delivers every record at once as an object of its own; buffering, partition "
        "projection and Athena queries are not exercised."
    ),
    "Lambda functions are local processes of this Python, whatever runtime and memory they name.",
    "Lifecycle rules, DynamoDB time to live and log retention are stored; nothing expires.",
    "Wait states of state machines last a hundredth of their time.",
    (
        "CloudFormation is done in seconds; throttling, eventual consistency and quotas other than "
        "those of QUOTA= are absent."
    ),
    "Custom::S3AutoDeleteObjects is done by the local AWS itself, not by CDK's Node function.",
    "Core devices are simulated: registered things without certificates and without MQTT.",
    (
        "A deployment that another replaced reads CANCELED: AWS does not document whether it is "
        "that or INACTIVE."
    ),
)
