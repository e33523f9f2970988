# SPDX-License-Identifier: Apache-2.0
"""Fingerprints of known photos, to skip near duplicates of them."""

import io
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from contracts.atomic_file import write_file
from training.dataset.duplicates import BITS, LIKE_BITS, Likeness, likeness

_WORDS = BITS // 64
_ALL = 4 * _WORDS


class Known:
    """Photos by name, with their fingerprints. Photos without structure have none and match none.

    Two photos are alike by the rule of ``training.dataset.duplicates``.
    """

    def __init__(self, photos: Mapping[str, Likeness]) -> None:
        self._names = [name for name, prints in photos.items() if prints]
        self._words = _words([photos[name] for name in self._names])
        self._added: dict[str, NDArray[np.uint64]] = {}

    def alike(self, prints: Likeness) -> str:
        """The name of a photo that is nearly the same, or nothing."""
        if not prints:
            return ""
        own = _words([prints])[0]
        if self._added:
            names = list(self._added)
            near = _near(np.stack([self._added[name] for name in names]), own)
            if near.size:
                return names[int(near[0])]
        near = _near(self._words, own)
        return self._names[int(near[0])] if near.size else ""

    def add(self, name: str, prints: Likeness) -> None:
        """Add a photo to the known ones."""
        if prints:
            self._added[name] = _words([prints])[0]

    def forget(self, name: str) -> None:
        """Undo ``add``."""
        self._added.pop(name, None)


def read_known(
    found: Mapping[str, str],
    get: Callable[[str], bytes],
    *,
    cache: Path,
    progress: Callable[[str], None],
) -> Known:
    """The known photos: ``found`` maps their keys to ETags, ``get`` reads one.

    Only photos that are not in the file ``cache`` are read. A photo that cannot be decoded is left
    out.
    """
    stored = _cached(cache)
    prints = {key: stored[key][1] for key, tag in found.items() if stored.get(key, "?")[0] == tag}
    missing = [key for key in found if key not in prints]

    def look(key: str) -> str:
        try:
            with Image.open(io.BytesIO(get(key)), formats=("JPEG", "PNG")) as image:
                return likeness(image.convert("RGB")).hex()
        except (OSError, Image.DecompressionBombError):
            return ""

    with ThreadPoolExecutor(8) as pool:
        for count, (key, text) in enumerate(
            zip(missing, pool.map(look, missing), strict=True), start=1
        ):
            prints[key] = text
            if count % 200 == 0:
                progress(f"{count} of {len(missing)} known photos read")
    if missing:
        cache.parent.mkdir(parents=True, exist_ok=True)
        document = {key: [found[key], text] for key, text in prints.items()}
        write_file(cache, json.dumps(document).encode())
    return Known({key: bytes.fromhex(text) for key, text in prints.items()})


def _cached(path: Path) -> dict[str, list[str]]:
    """What an earlier session read; nothing where the file is not one of ours."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _words(prints: list[Likeness]) -> NDArray[np.uint64]:
    """[photos, 16]: the perceptual hash and the difference hash, then the mirror image's."""
    if not prints:
        return np.zeros((0, _ALL), np.uint64)
    return np.frombuffer(b"".join(prints), np.uint64).reshape(-1, _ALL)


def _near(words: NDArray[np.uint64], own: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Which rows are alike to ``own``, upright or as a mirror image."""
    upright = np.tile(own[: _ALL // 2], 2).reshape(4, _WORDS)
    apart = np.bitwise_count(words.reshape(-1, 4, _WORDS) ^ upright)
    bits = apart.sum(axis=2, dtype=np.int64)
    near = (bits[:, 0::2] <= LIKE_BITS) & (bits[:, 1::2] <= 2 * LIKE_BITS)
    return np.flatnonzero(near.any(axis=1))
