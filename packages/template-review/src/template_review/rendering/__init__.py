# SPDX-License-Identifier: Apache-2.0
"""A review as text."""
