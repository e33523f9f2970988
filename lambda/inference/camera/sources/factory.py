# SPDX-License-Identifier: Apache-2.0
"""Open the source that a URI names."""

import importlib
from urllib.parse import parse_qsl

from camera.sources.base import UNENCODED, Source, SourceError
from camera.sources.shown import without_secrets
from contracts.environment import Reader
from contracts.source_uris import KINDS, SCHEMES, SourceKind


def open_source(uri: str) -> Source:
    """The source that a URI names. Raises SourceError for one that cannot exist."""
    scheme, colon, rest = uri.partition(":")
    shown = without_secrets(uri)
    kind = KINDS.get(scheme) if colon else None
    if kind is None:
        raise SourceError(f"source {shown!r}: this version reads {SCHEMES}")
    address, _, query = rest.partition(kind.mark)
    if not address and kind.address:
        raise SourceError(f"source {shown!r}: a path must follow {scheme}:")
    try:
        # Imported when it is asked for: most cameras need one kind only.
        module = importlib.import_module(f"camera.sources.{kind.module}")
        source: Source = module.open_uri(address, Reader(_options(query, kind), what="option"))
        return source
    except ValueError as error:
        # Not chained: the cause may quote what must not be shown.
        raise SourceError(f"source {shown!r}: {error}") from None


def _options(query: str, kind: SourceKind) -> dict[str, str]:
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
        # Not quoted where it may be the rest of a secret with a # in it.
        raise ValueError(
            f"unknown option{f' {name!r}' if kind.local else ''}: allowed are {allowed}"
        )
    return {**kind.options, **given}
