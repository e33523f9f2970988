# SPDX-License-Identifier: Apache-2.0
"""Brings an approved model to the cameras: canary first, then the fleet, back if it fails."""
