# SPDX-License-Identifier: Apache-2.0
"""The part of a source's address that may be shown in logs, telemetry, errors and on the page."""

import re

from contracts.source_uris import KINDS

_HIDDEN = "***"
_NAMES = sorted({name for kind in KINDS.values() if not kind.local for name in kind.options})
_OPTIONS = re.compile(rf"((^|&)({'|'.join(_NAMES)})=[a-z0-9.]{{0,12}})+")


def without_secrets(uri: str) -> str:
    """A source's URI for logs, telemetry and people: without user, password and given values.

    An ``@``, ``/``, ``?`` or ``#`` in a password cannot be distinguished from one that ends it. So
    everything up to the last ``@`` is hidden, and in doubt also the text after it.
    """
    scheme, colon, rest = uri.partition(":")
    slashes = "//" if rest.startswith("//") else ""
    if not colon or (_local(scheme) and not (slashes and "@" in rest)):
        return uri
    before, at, place = rest.removeprefix("//").rpartition("@")
    if "?" in before:
        # A query's value with an @ in it: what follows may be the rest of a secret.
        return f"{scheme}:{slashes}{_HIDDEN}"
    place, mark, options = place.partition("#")
    place, question, query = place.partition("?")
    # Some cameras take user and password as a part of the path: /user=admin&password=...
    place = re.sub(r"=[^&/]*", f"={_HIDDEN}", place)
    query = "&".join(_value_hidden(part) for part in query.split("&"))
    options = options if _OPTIONS.fullmatch(options) else _HIDDEN
    return (
        f"{scheme}:{slashes}{_HIDDEN + '@' if at else ''}{place}"
        f"{question}{query if question else ''}{mark}{options if mark else ''}"
    )


def place_of(url: str) -> str:
    """The part of a network source's URL that its errors begin with."""
    return without_secrets(url).partition("?")[0]


def _local(scheme: str) -> bool:
    return scheme in KINDS and KINDS[scheme].local


def _value_hidden(part: str) -> str:
    name, equals, _ = part.partition("=")
    return f"{name}={_HIDDEN}" if equals else _HIDDEN
