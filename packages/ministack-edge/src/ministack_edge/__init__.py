# SPDX-License-Identifier: Apache-2.0
"""A local AWS that takes the real `cdk deploy` and really runs what it deploys.

ministack (one exact version) implements most services. This package adds SageMaker
pipelines whose steps run as local processes, Greengrass V2, AWS IoT role aliases and rule actions,
and the authorization of every call by the policies that apply to it.
`ministack_edge.process.LocalAws` starts it; `ministack_edge.extension` is the interface for a
project's extensions.
"""
