# SPDX-License-Identifier: Apache-2.0
"""The camera's own web page: its view, detections and state."""
