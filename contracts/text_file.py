# SPDX-License-Identifier: Apache-2.0
"""Text files as people's editors and spreadsheets write them."""

import codecs


def decoded_text(raw: bytes) -> str:
    """The text of a file with or without a byte order mark. Raises UnicodeDecodeError."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    return raw.decode("utf-8-sig")
