# SPDX-License-Identifier: Apache-2.0
"""Write a file so that readers see either all of it or none of it.

A file is written beside its target and renamed over it, which protects against a crash or kill.
``durable=True`` also flushes the file and its folder to disk before returning, so that a power cut
afterwards loses nothing. A camera's item numbers, model and archives use it, and so do a training
job's checkpoints. Captures, pages and caches can be recreated and are not flushed.

``lambda/rollout/rollout/adopt.py`` runs alone on a camera and has its own copy of this code.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, *, durable: bool = False, shared: bool = False) -> Iterator[Path]:
    """Yield a path to write to; that file replaces ``path`` if the block ends without an error.

    ``shared``: several processes may write this file at once. Raises OSError.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid() if shared else 'part'}")
    try:
        yield unfinished
        if durable:
            flush(unfinished)
        unfinished.replace(path)
        if durable:
            flush(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def write_file(
    path: Path, content: str | bytes, *, durable: bool = False, shared: bool = False
) -> None:
    """Write a whole file (text as UTF-8), replacing any existing one. Raises OSError."""
    with replacing(path, durable=durable, shared=shared) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
