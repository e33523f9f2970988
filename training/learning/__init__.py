# SPDX-License-Identifier: Apache-2.0
"""The parts of train: from prepared photos to weights."""
