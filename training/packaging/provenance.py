# SPDX-License-Identifier: Apache-2.0
"""Where a model comes from: the code's digest and the versions of what ran it."""

import hashlib
import importlib.metadata
import platform
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_FRAMEWORKS = ("torch", "transformers", "onnx", "onnxruntime", "numpy", "pillow")


def code_digest() -> str:
    """SHA-256 over the code that SageMaker gets: training/ and contracts/."""
    digest = hashlib.sha256()
    for folder in ("contracts", "training"):
        for path in sorted((_ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in {".py", ".sh", ".in", ".txt", ".html"}:
                digest.update(f"{path.relative_to(_ROOT).as_posix()}\n".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def frameworks() -> dict[str, str]:
    """Versions of Python and of what takes part in a model's making."""
    versions = {name: importlib.metadata.version(name) for name in _FRAMEWORKS}
    return {"python": platform.python_version(), **versions}
