# SPDX-License-Identifier: Apache-2.0
"""Turn captures into labelled photos on a local page."""
