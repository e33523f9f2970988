# SPDX-License-Identifier: Apache-2.0
"""Reports the effect of a change to a CDK app on every environment, in plain words.

``template-review --base origin/main`` (or ``python -m template_review``) runs a review; README.md
says how a project configures and extends it.
"""
