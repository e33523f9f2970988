# SPDX-License-Identifier: Apache-2.0
"""Which URI opens which source."""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from camera.sources.base import Source, SourceError
from camera.sources.deeplens import DeepLensSource
from camera.sources.folder import FolderSource
from camera.sources.mjpeg import MjpegFileSource
from camera.sources.rtsp import UNENCODED, RtspSource
from camera.sources.shown import without_secrets
from camera.sources.video4linux import Video4LinuxSource

_KINDS: dict[str, Callable[[str, Mapping[str, str]], Source]] = {
    "awscam": DeepLensSource.from_address,
    "dir": FolderSource.from_address,
    "file": MjpegFileSource.from_address,
    "rtsp": RtspSource.from_address,
    "v4l2": Video4LinuxSource.from_address,
}
_NO_ADDRESS = {"awscam"}


def open_source(uri: str) -> Source:
    """The source that a URI names. Raises SourceError for one that cannot exist."""
    scheme, colon, rest = uri.partition(":")
    shown = without_secrets(uri)
    if not colon or scheme not in _KINDS:
        supported = ", ".join(f"{kind}:" for kind in sorted(_KINDS))
        raise SourceError(f"source {shown!r}: this version reads {supported}")
    # A network camera's address may have a query of its own; ours begin after a #.
    address, _, query = rest.partition("#" if scheme == "rtsp" else "?")
    if not address and scheme not in _NO_ADDRESS:
        raise SourceError(f"source {shown!r}: a path must follow {scheme}:")
    try:
        return _KINDS[scheme](address, _options(query, scheme))
    except ValueError as error:
        # Not chained: the cause may quote what must not be shown.
        raise SourceError(f"source {shown!r}: {error}") from None


def _options(query: str, scheme: str) -> dict[str, str]:
    mark = "#" if scheme == "rtsp" else "?"
    if scheme == "rtsp" and "@" in query:
        raise ValueError(f"{UNENCODED}, # as %23")
    try:
        return dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        raise ValueError(f"after {mark} expected name=value, joined by &") from None
