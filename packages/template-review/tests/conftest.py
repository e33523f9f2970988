# SPDX-License-Identifier: Apache-2.0
"""A small repository whose app writes an assembly without the CDK, and the review of it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from review_testing.repository import Repository, make


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a review must not hand this on")
    return make(tmp_path / "repository")


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def sigint_arrives() -> Iterator[None]:
    """Children get SIGINT even where this run ignores it, as a shell's background job does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
