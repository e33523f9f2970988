# SPDX-License-Identifier: Apache-2.0
"""Constructs of Binsight, its settings, and how its assets are bundled."""
