# SPDX-License-Identifier: Apache-2.0
"""Which URI opens which source, and what of a URI may be shown."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from camera.sources.base import Source, SourceError
from camera.sources.deeplens import DeepLensSource
from camera.sources.folder import FolderSource
from camera.sources.mjpeg import MjpegFileSource
from camera.sources.rtsp import RtspSource
from camera.sources.video4linux import Video4LinuxSource

_KINDS: dict[str, Callable[[str, Mapping[str, str]], Source]] = {
    "awscam": DeepLensSource.from_address,
    "dir": FolderSource.from_address,
    "file": MjpegFileSource.from_address,
    "rtsp": RtspSource.from_address,
    "v4l2": Video4LinuxSource.from_address,
}
_NO_ADDRESS = {"awscam"}
_HIDDEN = "***"


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
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
        return _KINDS[scheme](address, options)
    except ValueError as error:
        raise SourceError(f"source {shown!r}: {error}") from error


def without_secrets(uri: str) -> str:
    """A source's URI for logs, telemetry and people: without user, password and query values."""
    scheme, colon, rest = uri.partition(":")
    if scheme != "rtsp":
        return uri
    address, mark, options = rest.partition("#")
    place, _, query = address.partition("?")
    # Up to the last @ before the path: a password may hold an @ that nobody encoded.
    place = re.sub(r"^(//)?[^/]*@", rf"\1{_HIDDEN}@", place)
    query = re.sub(r"=[^&]*", f"={_HIDDEN}", query)
    return f"{scheme}{colon}{place}{'?' + query if query else ''}{mark}{options}"
