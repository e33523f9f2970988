# SPDX-License-Identifier: Apache-2.0
"""From a folder of photos to a checked, divided dataset: what prepare is made of."""
