# SPDX-License-Identifier: Apache-2.0
"""What tests of the review share, also with those of projects that plug into it."""
