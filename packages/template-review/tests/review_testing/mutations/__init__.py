# SPDX-License-Identifier: Apache-2.0
"""A corpus of template changes that knows nothing of the review's rules.

Operators change the frozen templates wherever CloudFormation's resource schemas and AWS's policy
language let them. Each says what its change means **by the semantics that AWS documents**, with
the page that says so; none looks at what the review does. ``python -m review_testing.mutations``
prints what a seed gives.
"""

from review_testing.mutations.model import Mutation, generate

__all__ = ["Mutation", "generate"]
