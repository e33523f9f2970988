# SPDX-License-Identifier: Apache-2.0
"""Turns off the telemetry of the libraries that we use.

Call ``keep_silent()`` before the first of them is imported: onnxruntime reads its variable once,
when it is loaded, starts to send telemetry ten seconds later, and stores an id for the device.
docs/network.md lists the network access of each part of Binsight.
"""

import os

SILENT = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""Environment variables of onnxruntime, the model hub's client and transformers."""
ON_CAMERAS = {"ORT_DISABLE_TELEMETRY": "1"}
"""The variable that a camera needs: none of its other libraries sends telemetry."""


def keep_silent() -> None:
    """Set the variables for this process and its children. Variables that are already set stay."""
    for name, value in SILENT.items():
        os.environ.setdefault(name, value)
