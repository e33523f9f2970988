# SPDX-License-Identifier: Apache-2.0
"""What every source has in common, and which URI opens which."""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol
from urllib.parse import parse_qsl


class SourceError(Exception):
    """The source cannot deliver; the message is for the person who set its URI."""


class Source(Protocol):
    """Delivers JPEG frames."""

    @property
    def live(self) -> bool:
        """Whether frames that come too fast are dropped; recorded ones wait instead."""
        ...

    def frames(self, stop: threading.Event) -> Iterator[bytes]:
        """Frames until ``stop`` is set or the source is over. Raises SourceError or OSError."""
        ...


def open_source(uri: str) -> Source:
    """The source that a URI names. Raises SourceError for one that cannot exist."""
    # Imported here because each source imports this module.
    from camera.sources.folder import FolderSource  # noqa: PLC0415
    from camera.sources.mjpeg import MjpegFileSource  # noqa: PLC0415
    from camera.sources.video4linux import Video4LinuxSource  # noqa: PLC0415

    kinds: dict[str, Callable[[str, Mapping[str, str]], Source]] = {
        "dir": FolderSource.from_address,
        "file": MjpegFileSource.from_address,
        "v4l2": Video4LinuxSource.from_address,
    }
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme not in kinds:
        supported = ", ".join(f"{kind}:" for kind in sorted(kinds))
        raise SourceError(f"source {uri!r}: this version reads {supported}")
    address, _, query = rest.partition("?")
    if not address:
        raise SourceError(f"source {uri!r}: a path must follow {scheme}:")
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
        return kinds[scheme](address, options)
    except ValueError as error:
        raise SourceError(f"source {uri!r}: {error}") from error


def number_option(
    options: Mapping[str, str], name: str, default: float, *, low: float, high: float
) -> float:
    """A numeric option of a URI. Raises ValueError naming it."""
    text = options.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise ValueError(f"option {name} = {text!r}: allowed are {low:g} to {high:g}")
    return value


def refuse_unknown(options: Mapping[str, str], known: set[str]) -> None:
    """Raise ValueError for an option that the source does not have."""
    unknown = sorted(set(options) - known)
    if unknown:
        allowed = ", ".join(sorted(known)) or "none"
        raise ValueError(f"unknown option {unknown[0]!r}: allowed are {allowed}")
