# SPDX-License-Identifier: Apache-2.0
"""Keeps the latest state of every camera and watches it."""
