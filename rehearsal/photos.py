# SPDX-License-Identifier: Apache-2.0
"""The photos of a rehearsal: for training, and for the camera afterwards."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from contracts.bins import ALL_BINS, Bin
from rehearsal import samples
from rehearsal.aws_client import Cloud
from rehearsal.loop import Unknown, held_back
from rehearsal.progress import Stages
from rehearsal.samples.set import draw
from rehearsal.samples.tray import Tray, drawn, photographed
from rehearsal.samples.tray import draw as draw_tray
from tools.dataset import Dataset, check_dataset, require_enough
from training.dataset.opening import opened

PHOTOS_PER_CLASS = 4
_DRAWN, _FOR_LOOP = 80, 160
_ON_TRAY = 80
_TRAY = Tray(views=1, days=1, widths=(0.3, 0.36), jitter=2)


@dataclass(frozen=True, kw_only=True)
class Photos:
    """Where the photos come from.

    ``source`` is a folder of class folders, or None for the drawn sample set. ``view``: "tray" puts
    the items (drawn, or the photos of ``source``) on a third of a fixed camera's view; "" takes
    photos as they are. ``work`` is where drawn photos go. ``bins`` are those of
    the environment, which drawn photos are for. ``without`` is a class that is held back.
    """

    source: Path | None
    view: str
    skip_bad: bool
    work: Path
    bins: Sequence[Bin] = ALL_BINS
    without: str = ""

    def __str__(self) -> str:
        source = str(self.source) if self.source else "sample set (drawn, no real photos)"
        return f"{source}, on a third of a tray" if self.view else source

    def prepare(self, stages: Stages, cleanup: ExitStack) -> tuple[Dataset, Unknown | None]:
        """Draw what is to be drawn, and look at every photo. Raises DatasetError.

        Also returned is the class that is held back, where one is.
        """
        with stages.stage("dataset", "check every photo"):
            given = cleanup.enter_context(opened(self.source)) if self.source else None
            for note in given.notes if given else ():
                stages.news(note)
            folder = self._drawn(given.folder if given else None)
            called = given.called if given else ""
            unknown = None
            if self.without:
                known = self.work / "loop-set"
                unknown = held_back(folder, self.without, known)
                folder = known
                stages.news(f"{self.without} is held back: the first model does not know it")
            dataset = check_dataset(folder, skip_bad=self.skip_bad, called=called)
            require_enough(dataset, called=called)
            counts = ", ".join(f"{count} {name}" for name, count in dataset.classes.items())
            stages.news(f"{len(dataset.photos)} photos: {counts}")
            if dataset.left_out:
                stages.news(dataset.left_out)
        return dataset, unknown

    def _drawn(self, given: Path | None) -> Path:
        """The folder to train on: the given one, or one that is drawn now."""
        if given and not self.view:
            return given
        folder = self.work / ("tray-set" if self.view else "sample-set")
        if self.view:
            shutil.rmtree(folder, ignore_errors=True)
            items = photographed(given) if given else drawn(self.bins)
            draw_tray(folder, photos_per_class=_ON_TRAY, tray=_TRAY, items=items)
            return folder
        # One of a few test photos is worth several points.
        count = _FOR_LOOP if self.without else _DRAWN
        # The same code draws the same pictures, so those of an earlier rehearsal are as good.
        stamp = self.work / "sample-set.txt"
        wanted = f"{count} {self.bins} {_drawing_code()}"
        if stamp.exists() and stamp.read_text(encoding="utf-8") == f"{wanted} {_listed(folder)}":
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        draw(folder, photos_per_class=count, bins=self.bins)
        stamp.write_text(f"{wanted} {_listed(folder)}", encoding="utf-8")
        return folder


def _drawing_code() -> str:
    """A digest of what draws the sample set."""
    found = hashlib.sha256(f"{PIL.__version__} {np.__version__}".encode())
    for path in sorted(Path(samples.__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()


def _listed(folder: Path) -> str:
    """A digest of a folder's files: their names, sizes and times."""
    files = ((path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file())
    text = "\n".join(f"{path} {status.st_size} {status.st_mtime_ns}" for path, status in files)
    return hashlib.sha256(text.encode()).hexdigest()


def held_out(
    cloud: Cloud, outputs: dict[str, str], dataset: Dataset, execution: str
) -> list[tuple[Path, str]]:
    """Photos of the test split of a pipeline's execution, some of each class: (file, class)."""
    run = execution.rsplit("/", 1)[-1]
    body = cloud.client("s3").get_object(
        Bucket=outputs["ArtifactsBucket"], Key=f"runs/{run}/prepared/dataset.json"
    )["Body"]
    described: dict[str, Any] = json.load(body)
    chosen: dict[str, list[str]] = {}
    for photo in described["splits"]["test"]:
        of_class = chosen.setdefault(photo.split("/", 1)[0], [])
        if len(of_class) < PHOTOS_PER_CLASS:
            of_class.append(photo)
    return [(dataset.folder / photo, name) for name, photos in chosen.items() for photo in photos]
