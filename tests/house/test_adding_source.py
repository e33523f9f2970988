# SPDX-License-Identifier: Apache-2.0
"""A camera source is one entry in the contract and one module."""

from tests.house.adding import Copy

ENTRY = """        SourceKind(
            scheme="still",
            module="still",
            example="still:/photo.jpg",
            summary="one photo, again and again",
            options={"fps": number(5, low=1, high=60)},
        ),
"""
MODULE = '''"""``still:/photo.jpg?fps=5``: one photo, again and again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
import threading

from camera.sources.base import Pace, SourceError


@dataclass(frozen=True, kw_only=True)
class StillSource:
    path: Path
    fps: float
    live: bool = True

    def frames(self, stop: threading.Event) -> Iterator[bytes]:
        pace = Pace(self.fps, stop)
        while not stop.is_set():
            pace.wait()
            try:
                yield self.path.read_bytes()
            except OSError as error:
                raise SourceError(f"{self.path}: {error.strerror}") from error


def open_uri(address: str, options: Mapping[str, Any]) -> StillSource:
    return StillSource(path=Path(address), **options)
'''
PROOF = """
import itertools, threading
from pathlib import Path

from camera.sources import SourceError, open_source, without_secrets
from infra.config.camera import CameraSettings

Path("photo.jpg").write_bytes(b"jpeg")
uri = CameraSettings(source=f"still:{Path('photo.jpg').resolve()}?fps=60").source
source = open_source(uri)
assert (source.live, source.fps) == (True, 60)
assert list(itertools.islice(source.frames(threading.Event()), 2)) == [b"jpeg", b"jpeg"]
assert open_source("still:photo.jpg").fps == 5
assert without_secrets(uri) == uri
try:
    CameraSettings(source="still:/x?fps=0")
except ValueError as error:
    assert "1 to 60" in str(error), error
else:
    raise AssertionError("the settings take it")
for wrong, said in (("still:", "a path must follow"), ("still:x?fps=0", "1 to 60"),
                    ("still:x?hold=1", "allowed are fps"), ("other:x", "rtsp:, v4l2:, still:")):
    try:
        open_source(wrong)
    except SourceError as error:
        assert said in str(error), error
    else:
        raise AssertionError(wrong)
print("proved")
"""


def test_a_camera_source_touches_two_files(tmp_path):
    copy = Copy(tmp_path)
    copy.insert("contracts/source_uris.py", ENTRY, before='    )\n}\nSCHEMES = ", ".join(')
    copy.write("lambda/inference/camera/sources/still.py", MODULE)
    assert copy.run("-c", PROOF) == "proved\n"
    assert len(copy.touched) == 2
