# SPDX-License-Identifier: Apache-2.0
"""Write a file so that readers see either all of it or none of it.

A file is written beside its target and renamed over it, which is enough where a program may crash
or be killed. ``durable=True`` also flushes the file and its folder to the disk before it returns,
so that a power cut afterwards loses nothing: for a camera's item numbers, model and archives, and
for a training job's checkpoints. Captures, pages and caches can be made again and are not flushed.

``lambda/rollout/rollout/adopt.py`` runs alone on a camera and has its own copy.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, *, durable: bool = False, shared: bool = False) -> Iterator[Path]:
    """Yield a path to write to; it takes the place of ``path`` once the block ends without error.

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
    """Write a whole file, text as UTF-8, in place of what is there. Raises OSError."""
    with replacing(path, durable=durable, shared=shared) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
