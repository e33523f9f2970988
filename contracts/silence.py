# SPDX-License-Identifier: Apache-2.0
"""What libraries are told so that they report nothing to their makers.

``keep_silent()`` comes before the first of them is imported: onnxruntime reads its variable once,
when it is loaded, begins to report ten seconds later and leaves a number for the device behind.
docs/network.md lists what each part of Binsight does ask for.
"""

import os

SILENT = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""Environment variables: onnxruntime's; that of the model hub's client, and of transformers."""
ON_CAMERAS = {"ORT_DISABLE_TELEMETRY": "1"}
"""Those that a camera needs: it has no other library that reports."""


def keep_silent() -> None:
    """Tell this process and those it starts. What is set already stays: somebody decided that."""
    for name, value in SILENT.items():
        os.environ.setdefault(name, value)
