# SPDX-License-Identifier: Apache-2.0
"""The error that ends a rehearsal with a sentence instead of a traceback."""


class RehearsalError(Exception):
    """A stage cannot go on. The message says what, where, and what to do about it."""
