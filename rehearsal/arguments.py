# SPDX-License-Identifier: Apache-2.0
"""Readers of the commands' numbers; errors have the names that ``make`` gives them."""

import argparse
import math
from collections.abc import Callable

_MOST = 1_000_000


def port(text: str) -> int:
    """A port to listen at."""
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"PORT={text}: allowed: 1 to 65535")
    return int(text)


def whole(least: int, name: str) -> Callable[[str], int]:
    """Reads a whole number of at least so much."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= _MOST:
            raise argparse.ArgumentTypeError(
                f"{name}={text}: allowed: a whole number from {least} to {_MOST:,}"
            )
        return int(text)

    return read


def hours(text: str) -> float:
    """Simulated hours, more than none."""
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    # Written so that NaN is refused as well.
    if not 0 < found <= 24 * 365:
        raise argparse.ArgumentTypeError(f"HOURS={text}: allowed: more than 0, up to 8760")
    return found
