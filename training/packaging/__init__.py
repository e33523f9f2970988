# SPDX-License-Identifier: Apache-2.0
"""From weights to the model file for cameras and the members of its archive."""
