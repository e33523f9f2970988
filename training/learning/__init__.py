# SPDX-License-Identifier: Apache-2.0
"""From prepared photos to weights: what train is made of."""
