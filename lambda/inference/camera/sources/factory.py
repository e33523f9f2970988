# SPDX-License-Identifier: Apache-2.0
"""Open the source that a URI names."""

import importlib

from camera.sources.base import Source, SourceError
from camera.sources.shown import without_secrets
from contracts.source_uris import split_source


def open_source(uri: str) -> Source:
    """The source that a URI names. Raises SourceError for one that cannot exist."""
    try:
        kind, address, options = split_source(uri)
        # Imported when it is asked for: most cameras need one kind only.
        module = importlib.import_module(f"camera.sources.{kind.module}")
        source: Source = module.open_uri(address, options)
        return source
    except ValueError as error:
        # Not chained: the cause may quote what must not be shown.
        raise SourceError(f"source {without_secrets(uri)!r}: {error}") from None
