# SPDX-License-Identifier: Apache-2.0
"""Programs for people who work on Binsight; the product imports none of them."""
