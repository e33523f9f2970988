# SPDX-License-Identifier: Apache-2.0
"""Rights: statements of policies, what they let through, and how that changes."""
