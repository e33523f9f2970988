# SPDX-License-Identifier: Apache-2.0
"""Where frames come from: a source for each kind of URI."""

from camera.sources.base import Source, SourceError
from camera.sources.factory import open_source
from camera.sources.shown import without_secrets

__all__ = ["Source", "SourceError", "open_source", "without_secrets"]
