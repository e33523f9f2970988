# SPDX-License-Identifier: Apache-2.0
"""What a change of a CDK app would do to every environment, in plain words.

``template-review --base origin/main`` (or ``python -m template_review``) runs a review; README.md
says how a project configures it and plugs in what it knows.
"""
