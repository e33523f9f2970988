# SPDX-License-Identifier: Apache-2.0
"""Resources that come, go, move or are replaced; who is named that is not us."""
