# SPDX-License-Identifier: Apache-2.0
"""Writes checkpoints atomically; only the run that wrote one can continue from it.

A checkpoint is a folder ``<run>-stage<s>-step<k>`` with a manifest that lists every file's digest;
it gets its name by a rename after its content is on disk. ``<run>`` is derived from the settings,
the photos and the code, so that different runs never continue each other.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.atomic_file import flush
from contracts.model_archive import file_digest

MANIFEST = "checkpoint.json"
_UNFINISHED = "unfinished"
_NAME = re.compile(r"([0-9a-f]{12})-stage(\d+)-step(\d{7})")
_KEPT = 2
"""Number of checkpoints kept: the previous one is needed if the last one is damaged in transfer."""


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint of this run."""

    folder: Path
    stage: int
    step: int
    progress: Mapping[str, Any]


class Checkpoints:
    """The checkpoints of one run in a folder. ``belongs_to`` identifies the run."""

    def __init__(self, folder: Path, belongs_to: Mapping[str, Any]) -> None:
        self._folder = folder
        # Through JSON, so that it compares equal to what is read back.
        self._belongs_to: dict[str, Any] = json.loads(json.dumps(belongs_to))
        text = json.dumps(self._belongs_to, sort_keys=True)
        self._run = hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def scratch(self) -> Path:
        """The folder for a checkpoint while it is written, on the same file system."""
        return self._folder / _UNFINISHED

    def clear_scratch(self) -> None:
        """Remove the incomplete files of an interrupted run."""
        shutil.rmtree(self.scratch, ignore_errors=True)

    def latest(self) -> Checkpoint | None:
        """The newest complete checkpoint of this run. Prints which ones are skipped and why."""
        others = []
        for stage, step, path in self._listed():
            if not path.name.startswith(self._run):
                others.append(path)
                continue
            found = _read(path)
            if isinstance(found, str):
                print(f"checkpoint {path.name}: {found}; skipped", flush=True)
                continue
            print(f"checkpoint {path.name}: training continues from there", flush=True)
            return Checkpoint(path, stage, step, found["progress"])
        if others:
            self._explain(others[0])
        return None

    def keep(self, written: Path, *, stage: int, step: int, progress: Mapping[str, Any]) -> None:
        """Turn the files in ``written`` into a checkpoint, and delete older ones of this run."""
        files = sorted(path for path in written.iterdir() if path.is_file())
        manifest = {
            "belongs_to": self._belongs_to,
            "progress": dict(progress),
            "files": {path.name: file_digest(path) for path in files},
        }
        (written / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        for path in (*files, written / MANIFEST, written):
            flush(path)
        target = self._folder / f"{self._run}-stage{stage}-step{step:07d}"
        if target.exists():
            shutil.rmtree(target)
        written.rename(target)
        flush(self._folder)
        for _, _, path in self._own()[_KEPT:]:
            shutil.rmtree(path, ignore_errors=True)

    def forget(self) -> None:
        """Remove this run's checkpoints: it is done."""
        for _, _, path in self._own():
            shutil.rmtree(path, ignore_errors=True)
        self.clear_scratch()

    def _own(self) -> list[tuple[int, int, Path]]:
        return [item for item in self._listed() if item[2].name.startswith(self._run)]

    def _listed(self) -> list[tuple[int, int, Path]]:
        """Every checkpoint in the folder, newest first."""
        if not self._folder.is_dir():
            return []
        matches = ((_NAME.fullmatch(path.name), path) for path in self._folder.iterdir())
        found = [(int(match[2]), int(match[3]), path) for match, path in matches if match]
        return sorted(found, reverse=True)

    def _explain(self, path: Path) -> None:
        """Print why a checkpoint of another run is not used."""
        found = _read(path)
        if isinstance(found, str):
            reason = found
        else:
            was, now = _flat(found["belongs_to"]), _flat(self._belongs_to)
            keys = sorted(key for key in {*was, *now} if was.get(key) != now.get(key))
            reason = "made with " + ", ".join(
                f"{key} = {_short(was.get(key))}, not {_short(now.get(key))}" for key in keys[:4]
            )
        print(f"checkpoint {path.name}: {reason}; training starts from the beginning", flush=True)


def _read(path: Path) -> dict[str, Any] | str:
    """The manifest's content, or the problem with it."""
    try:
        manifest: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        for name, digest in manifest["files"].items():
            if not (path / name).is_file():
                return f"{name} is missing"
            if file_digest(path / name) != digest:
                return f"{name} is damaged or cut off"
        if not isinstance(manifest["progress"], dict):
            return f"{MANIFEST} is damaged"
    except FileNotFoundError:
        return f"{MANIFEST} is missing: it was not written completely"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return f"{MANIFEST} is damaged"
    return manifest


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _short(value: Any) -> str:
    text = str(value)
    return text[:12] if len(text) == 64 else text
