# SPDX-License-Identifier: Apache-2.0
"""The parts of evaluate: from a packaged model to figures, a report and a quality verdict."""
