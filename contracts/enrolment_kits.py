# SPDX-License-Identifier: Apache-2.0
"""How the function that looks for expired enrolment kits reports them."""

EXPIRING_METRIC = "KitsExpiring"
"""The metric that counts kits that expire soon or have just expired."""
EXPIRE_EVENT = "Enrolment kits expire"
"""The detail type of the event; its ``kits`` is a list of phrases such as 'kit 1234 expires'."""
