# SPDX-License-Identifier: Apache-2.0
"""A font for pictures: 5 x 7 dots, drawn without an image library."""

import unicodedata
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_ROWS = {
    "A": "0e1111 1f111111",
    "B": "1e1111 1e11111e",
    "C": "0e1110 1010110e",
    "D": "1e1111 1111111e",
    "E": "1f1010 1e10101f",
    "F": "1f1010 1e101010",
    "G": "0e1110 1711110f",
    "H": "111111 1f111111",
    "I": "0e0404 0404040e",
    "J": "070202 0202120c",
    "K": "111214 18141211",
    "L": "101010 1010101f",
    "M": "111b15 15111111",
    "N": "111119 15131111",
    "O": "0e1111 1111110e",
    "P": "1e1111 1e101010",
    "Q": "0e1111 1115120d",
    "R": "1e1111 1e141211",
    "S": "0f1010 0e01011e",
    "T": "1f0404 04040404",
    "U": "111111 1111110e",
    "V": "111111 11110a04",
    "W": "111111 1515150a",
    "X": "11110a 040a1111",
    "Y": "111111 0a040404",
    "Z": "1f0102 0408101f",
    "0": "0e1113 1519110e",
    "1": "040c04 0404040e",
    "2": "0e1101 0204081f",
    "3": "1f0204 0201110e",
    "4": "02060a 121f0202",
    "5": "1f101e 0101110e",
    "6": "060810 1e11110e",
    "7": "1f0102 04080808",
    "8": "0e1111 0e11110e",
    "9": "0e1111 0f01020c",
    " ": "000000 00000000",
    ".": "000000 00000c0c",
    ",": "000000 000c0408",
    ":": "000c0c 000c0c00",
    "%": "181902 04081303",
    "-": "000000 1f000000",
    "_": "000000 0000001f",
    "/": "000102 04081000",
    ">": "080402 01020408",
    "+": "000404 1f040400",
    "(": "020408 08080402",
    ")": "080402 02020408",
    "?": "0e1101 02040004",
    "'": "0c0408 00000000",
}
WIDTH, HEIGHT = 6, 7
"""Width of a letter in dots, including the gap after it."""

Dots = NDArray[np.bool_]


@lru_cache(maxsize=256)
def line(text: str) -> Dots:
    """A line of text as dots ``[7, 6 * letters]``.

    Accents are removed; unknown letters become question marks.
    """
    plain = unicodedata.normalize("NFKD", text.upper())
    letters = [_letter(letter) for letter in plain if not unicodedata.combining(letter)]
    letters = letters or [_letter(" ")]
    dots: Dots = np.concatenate(letters, axis=1)
    return dots


def _letter(letter: str) -> Dots:
    rows = bytes.fromhex(_ROWS.get(letter, _ROWS["?"]))
    bits = np.unpackbits(np.frombuffer(rows, dtype=np.uint8)[:, None], axis=1)
    return np.pad(bits[:, 3:].astype(bool), ((0, 0), (0, 1)))
