# SPDX-License-Identifier: Apache-2.0
"""From weights to the file that cameras run, and to the members of its archive."""
