# SPDX-License-Identifier: Apache-2.0
"""Permissions: statements of policies, what they allow, and how that changes."""
