# SPDX-License-Identifier: Apache-2.0
"""IoT rules and Greengrass."""
