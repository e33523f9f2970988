# SPDX-License-Identifier: Apache-2.0
"""The camera's own web page: what it sees, how it is."""
