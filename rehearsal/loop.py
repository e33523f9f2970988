# SPDX-License-Identifier: Apache-2.0
"""`make rehearse LOOP=class`: a class that the model has never seen is learned from captures.

The first training lacks the class. Its items are then held before a camera, which keeps them as
captures; they are labelled over the page of `make label`, trained on, approved and rolled out.
"""

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from rehearsal.aws_client import Cloud
from rehearsal.errors import RehearsalError
from rehearsal.playback import Playback, SortedPhoto
from training.dataset.listing import MINIMUM_PHOTOS, SUFFIXES, folders_in

TESTED = 12
"""Number of new items that are shown only after the class was learned."""
MOST_SHOWN = 60
_POINTS = 1.0
_CAUTIOUS = {"unsure_below": 0.98, "minimum_recall": 0.0, "maximum_forgetting": _POINTS}
_RIGHT = 0.75
_SETTLED_SECONDS = 6.0
_UPLOAD_SECONDS = 90.0


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A class that is held out, and its photos in two parts."""

    class_name: str
    shown: tuple[Path, ...]
    tested: tuple[Path, ...]


@dataclass(frozen=True, kw_only=True)
class Learned:
    """The result of the loop. ``old_photos`` and ``new_photos`` are as in evaluation.json."""

    class_name: str
    shown: int
    taken_for: dict[str, int]
    captures: int
    labelled: dict[str, int]
    old_photos: dict[str, Any]
    new_photos: dict[str, Any]
    sorted_right: int
    sorted: int

    def report(self) -> dict[str, Any]:
        """For ``report.json``."""
        return asdict(self)

    def show(self, console: Console) -> None:
        """Print accuracy before and after."""
        taken = ", ".join(f"{count} for {name}" for name, count in sorted(self.taken_for.items()))
        labelled = ", ".join(f"{count} {name}" for name, count in self.labelled.items())
        before = (
            f"Before: {self.shown} items of {self.class_name}, which the first model does not "
            f"know, were taken {taken}. {self.captures} were kept as captures; {labelled}."
        )
        after = (
            f"Before the camera, after the roll out: {self.sorted_right} of {self.sorted} items "
            f"of {self.class_name} that had not been shown before were sorted correctly."
        )
        for line in (
            before,
            _line("Old photos, which the first model was tested with", self.old_photos),
            _line("New photos, the labelled captures", self.new_photos),
            after,
        ):
            console.print(line, markup=False, soft_wrap=True)

    def require(self) -> None:
        """Raise RehearsalError if accuracy on old photos dropped or the class was not learned."""
        lost = self.old_photos["lost"] - self.old_photos["won"]
        if self.old_photos["points_lost"] > _POINTS and lost > 1:
            raise RehearsalError(
                f"the old photos lost {self.old_photos['points_lost']:.1f} points; allowed: "
                f"{_POINTS:g} points or one photo"
            )
        if self.sorted_right < _RIGHT * self.sorted:
            raise RehearsalError(
                f"{self.sorted_right} of {self.sorted} items of {self.class_name} were sorted "
                f"right after the class was learned; expected: {_RIGHT:.0%}"
            )


def _line(what: str, found: dict[str, Any]) -> str:
    return (
        f"{what} ({found['photos']}): first model {found['before']:.1%}, second model "
        f"{found['after']:.1%}."
    )


def environment_with_captures(source: Path, folder: Path, class_name: str) -> None:
    """Write a copy of an environment's file whose cameras upload captures; it knows the class.

    A model of a few drawn classes is sure of almost everything, also of what it does not know: so
    the copy calls more answers unsure. By these few get into another bin than the default one, so
    no recall of bins is asked for; what may be lost on the old photos is a point.
    """
    text = source.read_text(encoding="utf-8")
    for name, value in _CAUTIOUS.items():
        text = re.sub(rf"^{name} = [\d.]+", f"{name} = {value}", text, flags=re.MULTILINE)
    text = re.sub(r"^captures(_per_hour)? = .*\n", "", text, flags=re.MULTILINE)
    text = text.replace("[camera]\n", '[camera]\ncaptures = "upload"\ncaptures_per_hour = 3600\n')
    if not re.search(rf'^"?{re.escape(class_name)}"? = ', text, re.MULTILINE):
        text = text.replace("[bins.classes]\n", f'[bins.classes]\n"{class_name}" = "recycling"\n')
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / source.name).write_text(text, encoding="utf-8")


def held_back(dataset: Path, class_name: str, target: Path) -> Unknown:
    """Copy a dataset without a class to ``target``; return the class. Raises RehearsalError."""
    names = [folder.name for folder in folders_in(dataset)]
    if class_name not in names:
        raise RehearsalError(f"LOOP={class_name}: allowed: {', '.join(names)}")
    photos = sorted(
        path for path in (dataset / class_name).rglob("*") if path.suffix.lower() in SUFFIXES
    )
    if len(photos) < 2 * TESTED + MINIMUM_PHOTOS:
        raise RehearsalError(
            f"LOOP={class_name}: {len(photos)} photos; at least {2 * TESTED + MINIMUM_PHOTOS} are "
            "needed"
        )
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(dataset, target, ignore=shutil.ignore_patterns(class_name))
    return Unknown(
        class_name=class_name,
        shown=tuple(photos[:-TESTED][:MOST_SHOWN]),
        tested=tuple(photos[-TESTED:]),
    )


@dataclass(frozen=True, kw_only=True)
class Captured:
    """The captures bucket, as the operator sees it."""

    cloud: Cloud
    bucket: str

    def settled(self) -> set[str]:
        """The captures once no more of them arrive."""
        seen: set[str] = set()
        since = started = time.monotonic()
        while time.monotonic() - started < _UPLOAD_SECONDS:
            found = self._keys()
            if found != seen:
                seen, since = found, time.monotonic()
            if time.monotonic() - since > _SETTLED_SECONDS:
                break
            time.sleep(0.5)
        return seen

    def _keys(self) -> set[str]:
        pages = (
            self.cloud.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        )
        return {one["Key"] for page in pages for one in page.get("Contents", ())}


def show_unknown(
    playback: Playback, unknown: Unknown, captured: Captured, *, progress: Callable[[str], None]
) -> tuple[list[SortedPhoto], set[str]]:
    """Hold the unknown items before the camera; return what it said and which captures it kept."""
    before = captured.settled()
    rows = playback.show(
        [(photo, unknown.class_name) for photo in unknown.shown], progress=progress
    )
    kept = captured.settled() - before
    if len(kept) < MINIMUM_PHOTOS:
        raise RehearsalError(
            f"the camera kept {len(kept)} of {len(rows)} items of {unknown.class_name} as "
            f"captures; a new class needs {MINIMUM_PHOTOS}: the model is too sure of what it does "
            "not know. Hold back another class"
        )
    return rows, kept
