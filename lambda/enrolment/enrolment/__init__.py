# SPDX-License-Identifier: Apache-2.0
"""Which cameras may be registered with AWS IoT, and with which claim certificate."""
