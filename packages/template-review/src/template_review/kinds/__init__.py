# SPDX-License-Identifier: Apache-2.0
"""One kind of change a module: alarms, encryption, retention, assets, findings."""
