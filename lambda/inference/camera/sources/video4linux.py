# SPDX-License-Identifier: Apache-2.0
"""``v4l2:/dev/video0``: not in this version; said plainly instead of pretended."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from camera.sources.base import SourceError


@dataclass(frozen=True)
class Video4LinuxSource:
    """Refuses with a message that reaches telemetry and the log."""

    device: str
    live: bool = True

    @classmethod
    def from_address(cls, address: str, options: Mapping[str, str]) -> "Video4LinuxSource":
        del options
        return cls(address)

    def frames(self, stop: threading.Event) -> Iterator[bytes]:
        del stop
        raise SourceError(f"v4l2:{self.device}: this version reads dir: and file: only")
        yield b""
