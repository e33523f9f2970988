# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in a review, said so that a person can mend it."""


class ReviewError(RuntimeError):
    """No review is possible; the message says what, where, and what to do."""
