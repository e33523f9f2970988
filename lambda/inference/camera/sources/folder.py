# SPDX-License-Identifier: Apache-2.0
"""``dir:/path?follow=1&hold=6&gap=4&fps=15``: photos shown to the camera one after another."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from camera.sources.base import Pace, SourceError
from camera.vision.jpeg import encode
from contracts.given import home_path
from contracts.helper_files import visible
from contracts.photo_rules import frame_problem
from contracts.still import RefusedError, as_frame

_SUFFIXES = {".jpg", ".jpeg", ".png"}
_OTHER_PICTURES = frozenset(
    (".webp", ".heic", ".heif", ".avif", ".bmp", ".gif", ".tif", ".tiff", ".jfif", ".jpe")
)
"""Pictures that nobody leaves out on purpose."""
_log = logging.getLogger(__name__)
EMPTY_VIEW = "_empty.jpg"


@dataclass(frozen=True, kw_only=True)
class FolderSource:
    """Each photo in order of name for ``hold`` frames, then ``gap`` empty frames.

    ``_empty.jpg`` in the folder is the empty view of the camera that the photos are of; without it
    empty frames are plain grey.

    ``folders``: where the folder has no photos of its own, those of the folders in it are shown.
    ``follow``: photos that appear later are shown as well; rename them into place, so that none is
    read half-written. ``fps``: frames per second at most; 0 is as fast as they are taken.
    """

    folder: Path
    follow: bool = False
    hold: int = 6
    gap: int = 4
    fps: float = 15
    folders: bool = False
    live: bool = False
    # Kept over interruptions, so that a folder that was away and came back shows nothing twice.
    _shown: set[str] = field(default_factory=set)

    def frames(self, stop: threading.Event) -> Iterator[bytes]:
        """Empty frames first, as a camera that is switched on sees its empty view."""
        if self.folder.exists() and not self.folder.is_dir():
            raise SourceError(f"{self.folder}: a file; dir: takes the folder that it is in")
        self._say_what_is_left_out()
        empty = self._read(EMPTY_VIEW) or encode(np.full((48, 64, 3), 128, dtype=np.uint8))
        pace = Pace(self.fps, stop)
        for _ in range(max(self.gap, 1)):
            pace.wait()
            yield empty
        while not stop.is_set():
            names = self._photos()
            fresh = [name for name in names if name not in self._shown]
            self._shown.intersection_update(names)
            if not fresh and not self.follow:
                if not self._shown:
                    raise SourceError(f"folder {self.folder}: no photo in it{self._instead()}")
                return
            for name in fresh:
                self._shown.add(name)
                photo = self._read(name)
                frames = [] if photo is None else [photo] * self.hold + [empty] * self.gap
                for frame in frames:
                    pace.wait()
                    if stop.is_set():
                        return
                    yield frame
            if not fresh:
                pace.wait(at_least=0.02)
                yield empty

    def _photos(self) -> list[str]:
        try:
            entries = list(self.folder.iterdir())
        except OSError as error:
            raise SourceError(f"folder {self.folder}: {error.strerror}") from error
        found = sorted(entry.name for entry in entries if _is_photo(entry))
        if found or not self.folders:
            return found
        return [
            f"{folder.name}/{name}"
            for folder in sorted(entry for entry in entries if _may_be_a_class(entry))
            for name in sorted(entry.name for entry in folder.iterdir() if _is_photo(entry))
        ]

    def _say_what_is_left_out(self) -> None:
        try:
            entries = list(self.folder.iterdir())
        except OSError:
            return  # said where the photos are listed
        left_out = sorted(entry.name for entry in entries if _is_left_out(entry))
        if left_out:
            names = ", ".join(left_out[:3]) + (", ..." if len(left_out) > 3 else "")
            allowed = " ".join(sorted(_SUFFIXES))
            _log.warning(
                "folder %s: left out %d pictures (%s); only %s is shown",
                *(self.folder, len(left_out), names, allowed),
            )

    def _instead(self) -> str:
        """What lies in a folder without a photo, for the person who named it."""
        inside: dict[str, int] = {}
        others: Counter[str] = Counter()
        for entry in sorted(self.folder.iterdir()):
            if not visible(entry.name) or entry.name == EMPTY_VIEW:
                continue
            if not entry.is_dir():
                others[entry.suffix or "no suffix"] += 1
            elif count := sum(item.suffix.lower() in _SUFFIXES for item in entry.iterdir()):
                inside[entry.name] = count
        told = ""
        if inside:
            first = next(iter(inside))
            told += (
                f"; {sum(inside.values())} photos lie one folder down ({', '.join(inside)}): "
                f"name one of these, as dir:{self.folder / first}, or show all with folders=1"
            )
        if others:
            counted = ", ".join(f"{count} {suffix}" for suffix, count in others.items())
            told += f"; it has {counted}, and only {' '.join(sorted(_SUFFIXES))} is shown"
        return told

    def _read(self, name: str) -> bytes | None:
        try:
            return _frame((self.folder / name).read_bytes())
        except FileNotFoundError:
            # Taken away between the listing and now: nothing to show.
            return None


def _frame(raw: bytes) -> bytes:
    """What a camera's decoder does not take (PNG) as prepare sees it, where Pillow is installed.

    What is no photo is left to the camera, which counts it and says why.
    """
    if not frame_problem(raw):
        return raw
    try:
        return as_frame(raw)
    except (ImportError, RefusedError):
        return raw


def _is_photo(entry: Path) -> bool:
    named = entry.suffix.lower() in _SUFFIXES and visible(entry.name)
    return named and entry.name != EMPTY_VIEW and not entry.is_dir()


def _is_left_out(entry: Path) -> bool:
    """Other pictures, and links that lead nowhere, as of data that was not fetched."""
    if not visible(entry.name):
        return False
    missing = entry.suffix.lower() in _SUFFIXES and not entry.exists()
    return missing or entry.suffix.lower() in _OTHER_PICTURES


def _may_be_a_class(entry: Path) -> bool:
    return entry.is_dir() and visible(entry.name) and not entry.name.startswith("_")


def open_uri(address: str, options: Mapping[str, Any]) -> FolderSource:
    """The source for ``dir:``. Raises ValueError for what can be no path."""
    return FolderSource(folder=home_path(address), **options)
