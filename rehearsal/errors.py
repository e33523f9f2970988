# SPDX-License-Identifier: Apache-2.0
"""The error that ends a rehearsal with a sentence instead of a traceback."""


class RehearsalError(Exception):
    """A stage cannot continue. The message says what failed, where, and what to do about it."""
