# SPDX-License-Identifier: Apache-2.0
"""Cameras of a fleet that run the real program: simulated nuclei that install what is deployed.

Program and models are the deployed artifacts; only the lens is simulated, by a folder in which
photos appear one after another.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from contracts.atomic_file import write_file
from rehearsal.cameras import Cameras, lens_of, nucleus_of
from rehearsal.errors import RehearsalError
from rehearsal.fleet.archives import REAL_KINDS
from rehearsal.fleet.arrivals import Arrivals
from rehearsal.fleet.camera_in_memory import GOOD, NOT_TAKEN
from rehearsal.fleet.enrolling import real_canaries, real_serials
from rehearsal.fleet.findings import Findings
from rehearsal.fleet.run import Enrolled, Run
from rehearsal.photos import Photos
from rehearsal.simulated_core.device import CoreDevice
from training.dataset.photos import as_jpeg

INSTALL_SECONDS = 600
ADOPT_SECONDS = 120
TRAIN_SECONDS = 1800
EPOCHS, IMAGE_SIZE = 8, 64
BETWEEN_PHOTOS_SECONDS = 4.0
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(kw_only=True)
class RealCameras:
    """``canaries`` are cameras of the canary group; photos are shown to all of them."""

    cameras: Sequence[CoreDevice]
    canaries: frozenset[str]
    photos: Sequence[Path]
    model: str
    """Name of the model component."""
    shown: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def show(self) -> None:
        """Show photos from now on, one after another, the same to all cameras."""
        self._thread = threading.Thread(target=self._show, name="lenses", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop showing photos, and end all cameras."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=30)
        for camera in self.cameras:
            camera.stop()

    @property
    def versions(self) -> dict[str, str]:
        """The model that each has, by thing; none for a camera without."""
        found = {one.thing: one.components.get(self.model) for one in self.cameras}
        return {thing: version for thing, version in found.items() if version}

    def took(self, version: str, *, wait: float = 0) -> tuple[int, int]:
        """How many canaries and how many others have this model, after ``wait`` seconds at most."""
        deadline = time.monotonic() + wait
        while True:
            have = {thing for thing, one in self.versions.items() if one == version}
            if len(have) == len(self.cameras) or time.monotonic() > deadline:
                return len(have & self.canaries), len(have - self.canaries)
            time.sleep(0.5)

    def items(self) -> dict[str, set[int]]:
        """Numbers of the items that AWS IoT acknowledged, by thing."""
        found: dict[str, set[int]] = {one.thing: set() for one in self.cameras}
        for camera in self.cameras:
            for topic, payload in camera.connection.sent if camera.connection else ():
                if topic.endswith("/detections"):
                    found[camera.thing].add(int(json.loads(payload)["sequence"]))
        return found

    def _show(self) -> None:
        while not self._stopping.wait(BETWEEN_PHOTOS_SECONDS):
            photo = as_jpeg(self.photos[self.shown % len(self.photos)])
            self.shown += 1
            for camera in self.cameras:
                write_file(lens_of(camera) / f"{self.shown:05d}.jpg", photo)


def trained_model(run: Run, cleanup: ExitStack) -> tuple[Path, list[Path]]:
    """The model that was given, or a small one trained on the drawn set; drawn photos."""
    work = run.host.work
    photos = Photos(source=None, view="", skip_bad=False, work=work)
    dataset, _ = photos.prepare(run.stages, cleanup)
    shown = _mixed(dataset.folder)
    if run.model is not None:
        return run.model, shown
    out = work / "model"
    with run.stages.stage("train", "the small network on drawn photos, for the real cameras"):
        command = [sys.executable, "-m", "training.local", "--dataset", str(dataset.folder)]
        command += ["--out", str(out), "--network", "compact", "--epochs", str(EPOCHS)]
        command += ["--image-size", str(IMAGE_SIZE)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TRAIN_SECONDS
        )
        if done.returncode:
            raise RehearsalError(f"the model was not trained: {done.stderr[-2000:]}")
    return out / "model.tar.gz", shown


def _mixed(folder: Path) -> list[Path]:
    """Photos of class folders, one of each class after another: every camera soon sees all."""
    by_class: dict[str, list[Path]] = {}
    for photo in sorted(folder.glob("*/*")):
        if photo.suffix.lower() in PHOTO_SUFFIXES:
            by_class.setdefault(photo.parent.name, []).append(photo)
    return [one for row in zip(*by_class.values(), strict=False) for one in row]


def start(
    run: Run, fleet: Enrolled, photos: Sequence[Path], news: Callable[[str], None]
) -> RealCameras:
    """Enrol the real cameras, make every second a canary, wait until all run the program."""
    settings = run.host.settings
    serials = real_serials(run.size)
    made = Cameras(
        cloud=fleet.cloud,
        outputs=fleet.outputs,
        folder=run.host.work / "real",
        model_folder=settings.camera.model_folder,
        nucleus=nucleus_of(settings),
        kit=fleet.kit,
        operator=fleet.operator,
        news=news,
    )
    cameras = [made.enrolled(serial) for serial in serials]
    canaries = real_canaries(run.size)
    fleet.operator.run("tools.cameras", "--canary", ",".join(canaries))
    prefix = settings.prefix
    real = RealCameras(
        cameras=cameras,
        canaries=frozenset(f"{prefix}-{serial}" for serial in canaries),
        photos=photos,
        model=fleet.outputs["ModelComponent"],
    )
    for camera in cameras:
        camera.start()
    program = fleet.outputs["InferenceComponent"]
    deadline = time.monotonic() + INSTALL_SECONDS
    while waiting := [one for one in cameras if program not in one.components]:
        for camera in waiting:
            camera.check()
        if time.monotonic() > deadline:
            raise RehearsalError(f"{waiting[0].thing} did not install {program}")
        time.sleep(0.5)
    real.show()
    return real


def judge_real(run: Run, real: RealCameras, kind: str, version: str) -> None:
    """A good model is on all real cameras, a refused one on none, any other on canaries only."""
    good = kind == GOOD
    canaries, others = real.took(version, wait=ADOPT_SECONDS if good else 0)
    many = len(real.canaries), len(real.cameras) - len(real.canaries)
    bound = f"{many[0]} and {many[1]}" if good else "0 of the fleet"
    kept = (canaries, others) == many if good else not others
    if kind in NOT_TAKEN:
        bound, kept = "none", not canaries + others
    run.findings.add(
        f"real cameras with a model: {kind}",
        f"{canaries} of {many[0]} canaries, {others} of {many[1]} others",
        bound=bound,
        kept=kept,
    )


def judge_real_items(findings: Findings, real: RealCameras, found: Arrivals) -> None:
    """Everything that real cameras published is in the archive."""
    sent = real.items()
    lost = sum(len(items - found.others.get(thing, set())) for thing, items in sent.items())
    findings.add(
        "items of real cameras in the archive",
        f"{sum(map(len, sent.values())) - lost}; {real.shown} photos were shown to each of "
        f"{len(real.cameras)}",
        bound=f"all {sum(map(len, sent.values()))} that were sent",
        kept=not lost,
    )


SAID = (
    "{real} more cameras run the real program from the deployed artifact; their models are real "
    f"archives ({REAL_KINDS}), their lens is a folder of photos."
)
