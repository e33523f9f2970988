# SPDX-License-Identifier: Apache-2.0
"""The kinds of sources that a camera's frames can come from, by the scheme of their URI.

The settings accept these schemes, the camera program opens them (``camera/sources/<module>.py``),
and docs/camera.md lists them. A new kind is one entry here and one module there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from contracts.network_address import UNENCODED, check_address
from contracts.source_options import (
    Option,
    absolute_path,
    count,
    flag,
    number,
    one_of,
    read_options,
)


@dataclass(frozen=True, kw_only=True)
class SourceKind:
    """A kind of source. ``module`` in ``camera.sources`` has ``open_uri(address, options)``, which
    gets the value of every option, given or default.

    ``options`` follow ``mark`` in the URI. ``local``: the address is a path on this machine and
    contains no secret; a network source's address is its URL. ``address``: whether an address must
    follow the scheme.
    """

    scheme: str
    module: str
    example: str
    summary: str
    options: Mapping[str, Option] = field(default_factory=dict)
    mark: str = "?"
    local: bool = True
    address: bool = True


_HTTP_OPTIONS = {"fps": number(15, low=0.2, high=60)}
KINDS = {
    kind.scheme: kind
    for kind in (
        SourceKind(
            scheme="awscam",
            module="deeplens",
            example="awscam:",
            summary="the camera of an AWS DeepLens, through the library on that device",
            options={"fps": number(15, low=1, high=60)},
            address=False,
        ),
        SourceKind(
            scheme="dir",
            module="folder",
            example="dir:/photos",
            summary="a folder of photos, or of folders of photos, one after another",
            options={
                "follow": flag(),
                "hold": count(6, low=1, high=10_000),
                "gap": count(4, low=0, high=10_000),
                "fps": number(15, low=0, high=1000),
                "folders": flag(),
            },
        ),
        SourceKind(
            scheme="file",
            module="mjpeg",
            example="file:/clip.mjpeg",
            summary="a file of JPEGs, one after another",
            options={"fps": number(15, low=0, high=1000), "loop": flag()},
        ),
        SourceKind(
            scheme="http",
            module="http_camera",
            example="http://user:password@host/path",
            summary="a network camera that sends MJPEG, or one JPEG for each request",
            options=_HTTP_OPTIONS,
            mark="#",
            local=False,
        ),
        SourceKind(
            scheme="https",
            module="http_camera",
            example="https://user:password@host/path",
            summary="the same with TLS",
            options={**_HTTP_OPTIONS, "ca": absolute_path()},
            mark="#",
            local=False,
        ),
        SourceKind(
            scheme="rtsp",
            module="rtsp",
            example="rtsp://user:password@host/path",
            summary="a network camera; needs PyAV",
            options={"fps": number(15, low=1, high=60), "transport": one_of("tcp", "udp")},
            # A network camera's address may have a query of its own.
            mark="#",
            local=False,
        ),
        SourceKind(
            scheme="v4l2",
            module="video4linux",
            example="v4l2:/dev/video0",
            summary="a USB or CSI camera that compresses to MJPEG",
            options={
                "width": count(1280, low=32, high=8192),
                "height": count(720, low=32, high=8192),
                "fps": count(15, low=1, high=240),
            },
        ),
    )
}
SCHEMES = ", ".join(f"{scheme}:" for scheme in KINDS)
"""All schemes, for messages."""


def split_source(uri: str) -> tuple[SourceKind, str, dict[str, Any]]:
    """A source's kind, its address, and the values of its options, given or default.

    Raises ValueError naming what is allowed or was probably meant; it quotes no part of a network
    address.
    """
    scheme, colon, rest = uri.partition(":")
    kind = KINDS.get(scheme.lower()) if colon else None
    if kind is None:
        raise ValueError(f"a URI that begins with one of {SCHEMES}{_meant(uri)}")
    address, _, query = rest.partition(kind.mark)
    if not address and kind.address:
        raise ValueError(f"a path must follow {kind.scheme}:")
    if address and not kind.address:
        raise ValueError(f"{address!r}: only options may follow {kind.scheme}:, after {kind.mark}")
    if "\0" in address:
        raise ValueError("embedded null byte")
    options = _options(query, kind)
    if not kind.local:
        check_address(kind.scheme, address)
        address = f"{kind.scheme}:{address}"
    return kind, address, options


def _options(query: str, kind: SourceKind) -> dict[str, Any]:
    if any(letter < " " or letter == "\x7f" for letter in query):
        raise ValueError("it has a line break or another control character")
    if not kind.local and "@" in query:
        raise ValueError(f"{UNENCODED}, # as %23")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ValueError(f"after {kind.mark} expected name=value, joined by &") from None
    given = dict(pairs)
    if len(given) < len(pairs):
        raise ValueError("an option is given twice")
    allowed = ", ".join(sorted(kind.options)) or "none"
    for name in sorted(set(given) - set(kind.options)):
        # Not quoted if it may be the rest of a secret that contains #.
        raise ValueError(
            f"unknown option{f' {name!r}' if kind.local else ''}: allowed are {allowed}"
        )
    return read_options(kind.options, given)


_UNREAD = {
    "rtsps": "encrypted video is not read: write rtsp:",
    "mjpeg": "write http:",
    "mjpg": "write http:",
}


def _meant(uri: str) -> str:
    """A suggestion of what was probably meant; empty if there is none."""
    scheme, colon, _ = uri.partition(":")
    if uri != uri.strip() or uri[:1] in ("'", '"'):
        return ", without a space or quotation mark around it"
    if uri.startswith("/dev/") or (uri.isascii() and uri.isdigit()):
        return f"; write v4l2:{uri if uri.startswith('/') else f'/dev/video{uri}'}"
    if colon and scheme.lower() in _UNREAD:
        return f"; {_UNREAD[scheme.lower()]}"
    if uri.startswith(("/", "./", "../", "~")):
        return f"; write dir:{uri} for a folder of photos, file:{uri} for a file of JPEGs"
    return ""
