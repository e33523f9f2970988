# SPDX-License-Identifier: Apache-2.0
"""From a packaged model to figures, a report and a verdict: what evaluate is made of."""
