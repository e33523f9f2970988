# SPDX-License-Identifier: Apache-2.0
"""A local AWS that takes the real `cdk deploy` and really runs what it deploys.

ministack (one exact version) answers for the services that it knows. This package adds SageMaker
pipelines whose steps run as local processes, Greengrass V2, AWS IoT role aliases and rule actions,
and the decision of every call by the policies that apply to it. `ministack_edge.process.LocalAws`
starts it; `ministack_edge.extension` is where a project plugs in.
"""
