# SPDX-License-Identifier: Apache-2.0
"""Programs that serve the people who work on Binsight; the product imports none of them."""
