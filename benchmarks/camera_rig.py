# SPDX-License-Identifier: Apache-2.0
"""A camera that is fed by hand, and what it published."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.camera_setting import model_from, settings_in
from camera.program import Program


class Recorder:
    """Keeps detections and when (wall clock) each was published."""

    def __init__(self) -> None:
        self.payloads: list[tuple[float, bytes]] = []

    def publish(self, topic: str, payload: bytes) -> None:
        if topic.endswith("/detections"):
            self.payloads.append((time.time(), payload))


@contextmanager
def camera(archive: Path, **changed: Any) -> Iterator[tuple[Program, Recorder]]:
    """The threads of a camera; frames are put into its slot by hand."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "lens").mkdir()
        source = f"dir:{folder / 'lens'}?follow=1&fps=1"
        publisher = Recorder()
        settings = settings_in(folder, source=source, **changed)
        program = Program(settings, publisher=publisher)
        program.loop.swap(model_from(archive, folder))
        # The source's own frames would be in between; this one waits for ever.
        program._disk_searched.wait = lambda timeout=None: program.stop.wait()  # type: ignore[method-assign]
        thread = threading.Thread(target=program.run, daemon=True)
        thread.start()
        try:
            yield program, publisher
        finally:
            program.stop.set()
            thread.join(timeout=10)
