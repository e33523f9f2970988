# SPDX-License-Identifier: Apache-2.0
"""Runs inside an emulated processor, with nothing but what the camera's archive ships.

``python -I on_processor.py <unzipped archive> <model.tar.gz> <photo.jpg> <scratch>`` adopts the
model (its golden inputs are checked on the way), looks at the photo and prints what it found.
"""

import json
import sys
import time
from pathlib import Path


def main() -> None:
    shipped, archive, photo, scratch = (Path(each) for each in sys.argv[1:])
    sys.path.insert(0, str(shipped))
    # Imported here because only now Python knows where they are.
    import _awscrt  # noqa: F401, PLC0415
    import numpy as np  # noqa: PLC0415
    import onnxruntime  # noqa: PLC0415
    from awsiot.greengrasscoreipc.clientv2 import (  # noqa: PLC0415
        GreengrassCoreIPCClientV2,
    )
    from numpy._core._multiarray_umath import __cpu_features__ as features  # noqa: PLC0415

    import camera.program  # noqa: F401, PLC0415 - all that a camera loads
    from camera.model.model_store import ModelStore  # noqa: PLC0415
    from camera.vision.jpeg import model_input, thumbnail  # noqa: PLC0415
    from contracts.messages import ModelName  # noqa: PLC0415
    from contracts.model_archive import file_digest  # noqa: PLC0415

    store = ModelStore(scratch, threads=1)
    store.prepare()
    model = store.stage(archive, name=ModelName(file_digest(archive), "emulated"))
    store.commit(model)
    jpeg = photo.read_bytes()
    began = time.perf_counter()
    pixels = model_input(jpeg, width=model.card.width, height=model.card.height)
    probabilities = model.infer(pixels)
    outside = [
        each.__file__
        for each in (np, onnxruntime, sys.modules["simplejpeg"], sys.modules["awsiot"])
        if not str(each.__file__).startswith(str(shipped))
    ]
    answer = {
        "label": model.card.labels[int(np.argmax(probabilities))],
        "probabilities": [float(each) for each in probabilities],
        "pixels": int(pixels.astype(np.int64).sum()),
        "thumbnail": float(thumbnail(jpeg).mean()),
        "milliseconds": round(1000 * (time.perf_counter() - began)),
        "avx": bool(features.get("AVX2") or features.get("AVX512F") or features.get("AVX")),
        "outside": outside,
        "client": GreengrassCoreIPCClientV2.__name__,
    }
    print(json.dumps(answer))


main()
