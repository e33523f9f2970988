# SPDX-License-Identifier: Apache-2.0
"""Provenance of a model: digest of the code, versions of the frameworks, photos it has seen.

Datasets grow, and a photo that one model was tested on may be what an earlier model learned from.
Comparing the two on such a photo would favour the earlier one, year after year: so each card lists
24 bits of every photo of training and validation, and comparisons leave those photos out. It lists
those of the test photos too, so that the next split leaves them there.
"""

import base64
import binascii
import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_FRAMEWORKS = ("torch", "transformers", "onnx", "onnxruntime", "numpy", "pillow")
_BYTES = 3
"""With 2,000 photos about 1 in 8,000 others collides by chance and is excluded: negligible."""


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


def fingerprint(path: Path) -> bytes:
    """The first bytes of the photo's digest; prepare stores the same photo as the same bytes."""
    return hashlib.sha256(path.read_bytes()).digest()[:_BYTES]


def pack_fingerprints(paths: Iterable[Path]) -> str:
    """The fingerprints of photos as text."""
    return base64.b64encode(b"".join(sorted({fingerprint(path) for path in paths}))).decode()


def unpack_fingerprints(text: object) -> set[bytes] | None:
    """The fingerprints in a card's text; None where the card has none that can be read."""
    if not isinstance(text, str) or not text:
        return None
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    if len(content) % _BYTES:
        return None
    return {content[index : index + _BYTES] for index in range(0, len(content), _BYTES)}
