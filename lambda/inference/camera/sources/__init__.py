# SPDX-License-Identifier: Apache-2.0
"""Where frames come from: a source for each kind of URI."""

from camera.sources.base import Source, SourceError, open_source

__all__ = ["Source", "SourceError", "open_source"]
