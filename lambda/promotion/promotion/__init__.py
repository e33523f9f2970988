# SPDX-License-Identifier: Apache-2.0
"""Copies an approved model of another environment into this one's bucket and registry."""
