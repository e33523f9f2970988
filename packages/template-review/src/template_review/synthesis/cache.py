# SPDX-License-Identifier: Apache-2.0
"""Assemblies that were synthesised before: the same files give the same templates."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

from template_review.model import Assembly

KEPT = 8
"""So many trees are remembered."""


class Cache:
    """Assemblies by the files they came from, in a folder of the project."""

    def __init__(self, folder: Path) -> None:
        """Nothing is written before something is kept."""
        self._folder = folder

    def load(self, key: str) -> dict[str, Assembly] | None:
        """What was kept under this key, or None; a damaged file counts as nothing."""
        path = self._path(key)
        try:
            document = json.loads(gzip.decompress(path.read_bytes()))
            found = {name: Assembly.from_json(each) for name, each in document.items()}
        except (OSError, EOFError, ValueError, KeyError, TypeError):
            return None
        path.touch()
        return found

    def keep(self, key: str, assemblies: Mapping[str, Assembly]) -> None:
        """Remember, and forget the oldest."""
        self._folder.mkdir(parents=True, exist_ok=True)
        document = {name: assembly.to_json() for name, assembly in assemblies.items()}
        unfinished = self._path(key).with_suffix(".part")
        unfinished.write_bytes(gzip.compress(json.dumps(document).encode(), mtime=0))
        unfinished.replace(self._path(key))
        files = sorted(self._folder.glob("*.json.gz"), key=lambda path: -path.stat().st_mtime)
        for old in files[KEPT:]:
            old.unlink(missing_ok=True)

    def forget(self, key: str) -> None:
        """The files changed while they were read."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json.gz"
