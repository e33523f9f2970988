# SPDX-License-Identifier: Apache-2.0
"""A local AWS that takes the real `cdk deploy` and really runs what it deploys.

ministack (pinned) answers for the services it knows; this package adds what Binsight needs and it
lacks: SageMaker pipelines whose steps run as local processes, Greengrass V2, IoT role aliases and
rule actions.
"""
