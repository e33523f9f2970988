# SPDX-License-Identifier: Apache-2.0
"""The kinds of sources that a camera's frames can come from, by the scheme of their URI.

The settings accept these schemes, the camera program opens them (``camera/sources/<module>.py``),
and docs/camera.md lists them. A new kind is one entry here and one module there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class SourceKind:
    """A kind of source. ``module`` in ``camera.sources`` has ``open_uri(address, options)``, which
    gets every option as text, given or default.

    ``options`` are its options with their defaults; they follow ``mark``. ``local``: the address is
    a path on this machine, which holds no secret. ``address``: whether one must follow the scheme.
    """

    scheme: str
    module: str
    example: str
    summary: str
    options: Mapping[str, str] = field(default_factory=dict)
    mark: str = "?"
    local: bool = True
    address: bool = True


KINDS = {
    kind.scheme: kind
    for kind in (
        SourceKind(
            scheme="awscam",
            module="deeplens",
            example="awscam:",
            summary="the camera of an AWS DeepLens, through the library on that device",
            options={"fps": "15"},
            address=False,
        ),
        SourceKind(
            scheme="dir",
            module="folder",
            example="dir:/photos",
            summary="a folder of photos, or of folders of photos, one after another",
            options={"follow": "0", "hold": "6", "gap": "4", "fps": "15", "folders": "0"},
        ),
        SourceKind(
            scheme="file",
            module="mjpeg",
            example="file:/clip.mjpeg",
            summary="a file of JPEGs, one after another",
            options={"fps": "15", "loop": "0"},
        ),
        SourceKind(
            scheme="rtsp",
            module="rtsp",
            example="rtsp://user:password@host/path",
            summary="a network camera; needs PyAV",
            options={"fps": "15", "transport": "tcp"},
            # A network camera's address may have a query of its own.
            mark="#",
            local=False,
        ),
        SourceKind(
            scheme="v4l2",
            module="video4linux",
            example="v4l2:/dev/video0",
            summary="a USB or CSI camera that compresses to MJPEG",
            options={"width": "1280", "height": "720", "fps": "15"},
        ),
    )
}
SCHEMES = ", ".join(f"{scheme}:" for scheme in KINDS)
"""All of them, for messages."""


def check_source(uri: str) -> str:
    """The URI, if its scheme is known and an address follows. Raises ValueError without it."""
    scheme, colon, rest = uri.partition(":")
    kind = KINDS.get(scheme) if colon else None
    if kind is None or (kind.address and not rest):
        raise ValueError(f"a URI that begins with one of {SCHEMES}")
    return uri
