# SPDX-License-Identifier: Apache-2.0
"""What tests of several parts need."""

import os
import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("BINSIGHT_SHARED", ROOT.parent / "shared"))


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def trashnet() -> Path:
    """Real photos in class folders where this machine has them; BINSIGHT_SHARED says where."""
    folder = SHARED / "trashnet" / "train"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent: real photos are not part of the project")
    return folder
