# SPDX-License-Identifier: Apache-2.0
"""Errors of a review; each message says how to fix it."""


class ReviewError(RuntimeError):
    """No review is possible; the message says what, where, and what to do."""
