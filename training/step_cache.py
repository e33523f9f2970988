# SPDX-License-Identifier: Apache-2.0
"""Caches the steps of a local run by their inputs, code and settings.

A step's record contains the digests of all inputs and outputs. It is removed before the step starts
and written after it is done, so an interrupted step has none. Changed or lost results are made
again.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from contracts.atomic_file import write_file
from contracts.model_archive import file_digest
from training.packaging.provenance import code_digest, frameworks


class Records:
    """The records of the steps that were done into a folder, in ``folder/steps``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "steps"

    def do(
        self,
        name: str,
        step: Callable[[], None],
        *,
        inputs: Mapping[str, Any],
        results: Sequence[Path],
    ) -> bool:
        """Do the step unless its results are there; return whether it was done.

        ``inputs`` is everything that the results depend on besides the code: digests, settings.
        """
        key = _digest({"inputs": inputs, "code": code_digest(), "frameworks": frameworks()})
        path = self._folder / f"{name}.json"
        reason = self._why(path, key, results)
        if not reason:
            print(f"{name}: taken from the cache ({path.parent.parent})", flush=True)
            return False
        print(f"{name}: to be done: {reason}", flush=True)
        path.unlink(missing_ok=True)
        step()
        self._folder.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps({"key": key, "results": digest_of(results)}))
        return True

    @staticmethod
    def _why(path: Path, key: str, results: Sequence[Path]) -> str:
        """Why the step must be done; empty if it need not."""
        record: Any = None
        with suppress(OSError, ValueError):
            record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict):
            return "not done before"
        if record.get("key") != key:
            return "photos, settings or code have changed"
        missing = [item for item in results if not item.exists()]
        if missing:
            return f"{missing[0]} is missing"
        if record.get("results") != digest_of(results):
            return "its results were changed"
        return ""


def digest_of(paths: Sequence[Path]) -> str:
    """One digest over files and folders: names and contents."""
    lines = {}
    for path in paths:
        inside = [item for item in path.rglob("*") if item.is_file()] if path.is_dir() else [path]
        for item in inside:
            lines[item.relative_to(path.parent).as_posix()] = file_digest(item)
    return _digest(lines)


def _digest(values: Any) -> str:
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
