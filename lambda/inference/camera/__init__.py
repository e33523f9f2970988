# SPDX-License-Identifier: Apache-2.0
"""The program on a camera: recognises each item and reports its bin once.

capture -> newest-frame slot -> presence gate -> decode and resize -> onnxruntime -> smoothing over
the item's frames -> bin policy -> publish.
"""

import os

from contracts.silence import keep_silent

# Before onnxruntime is first imported.
keep_silent()
# Set before numpy is first imported: on a board with few cores, BLAS threads waiting for each other
# made resizing a frame 10 times slower than on one thread.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
