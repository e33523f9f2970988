# SPDX-License-Identifier: Apache-2.0
"""The estimated cost."""
