# SPDX-License-Identifier: Apache-2.0
"""Draw the pictures of README and docs from the product itself: ``python -m tools.pictures``."""
