# SPDX-License-Identifier: Apache-2.0
"""A whole camera in the test's process, and models made once."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from camera.program import Program
from camera.settings import Settings
from contracts.bins import BinPolicy
from contracts.topics import Topics
from tests.camera import tiny


class RecordingPublisher:
    """Keeps what a camera publishes, as parsed messages by kind."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, dict[str, Any]]] = []

    def publish(self, topic: str, payload: bytes) -> None:
        self.messages.append((topic, json.loads(payload)))

    @property
    def state(self) -> dict[str, Any]:
        """The latest telemetry."""
        return (self.of("telemetry") or [{}])[-1]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for topic, message in self.messages if topic.endswith(f"/{kind}")]


def wait_for(condition: Callable[[], Any], *, seconds: float = 60) -> Any:
    """The first true value of a condition; fails the test when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """Archives by name: two good ones that differ, and bad ones. Value: path and digest."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "good": tiny.write_model(folder / "good"),
        "other": tiny.write_model(folder / "other", scale=0.2),
        "third": tiny.write_model(folder / "third", scale=0.3),
        "wrong golden": tiny.write_model(folder / "golden", golden_shift=0.2),
        "float input": tiny.write_model(folder / "float", dtype=tiny.FLOAT),
        "labels": tiny.write_model(folder / "labels", labels=("a", "b")),
    }


@pytest.fixture
def lens(tmp_path: Path) -> Path:
    """The folder that the camera looks at."""
    folder = tmp_path / "lens"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(tmp_path: Path, lens: Path) -> Settings:
    return Settings(
        thing="cam-1",
        topics=Topics("binsight-test"),
        source=f"dir:{lens}?follow=1&fps=0",
        model_folder=tmp_path / "models",
        bins=BinPolicy({"glass": "recycling", "paper": "recycling"}),
        telemetry_seconds=0.5,
    )


@contextmanager
def running(settings: Settings, publisher: Any, subscriber: Any = None) -> Iterator[Program]:
    """The program, running until the block ends."""
    program = Program(settings, publisher=publisher, subscriber=subscriber)
    thread = threading.Thread(target=program.run, daemon=True)
    thread.start()
    try:
        yield program
    finally:
        program.stop.set()
        thread.join(timeout=10)
        assert not thread.is_alive()


def show(lens: Path, name: str, content: bytes) -> None:
    """Put a photo before the lens in one step."""
    unfinished = lens / f"{name}.part"
    unfinished.write_bytes(content)
    unfinished.rename(lens / name)


@pytest.fixture
def publisher() -> RecordingPublisher:
    return RecordingPublisher()
