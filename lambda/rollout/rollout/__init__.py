# SPDX-License-Identifier: Apache-2.0
"""Rolls an approved model out to the cameras: canaries first, then the fleet; rolls back on
failure."""
