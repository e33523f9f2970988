# SPDX-License-Identifier: Apache-2.0
"""Which names a class of trash may have, in a dataset and in an environment's bins."""

import unicodedata

from contracts.helper_files import visible

_PUNCTUATION = frozenset(" -_.'()&+")
_LONGEST = 64


def name_problem(name: str) -> str:
    """Why a class cannot have this name; empty if it can.

    A class name travels: into S3 keys, the model card, messages and a city's bin policy. Spaces
    and letters of any script are welcome.
    """
    for letter in name:
        # L, M, N: letters, the marks on them, digits, of any script.
        if unicodedata.category(letter)[0] not in "LMN" and letter not in _PUNCTUATION:
            return (
                f"{letter!r} is not allowed; allowed: letters, digits, spaces and - _ . ' ( ) & +"
            )
    if name != name.strip() or name.startswith((".", "_", "-")) or name.endswith("."):
        return "a name begins with a letter or digit, and ends with neither a space nor a dot"
    if len(name) > _LONGEST:
        return f"{len(name)} characters; allowed: at most {_LONGEST}"
    return ""


def unusable(name: str) -> str:
    """Why no dataset can have a class of this name; empty if one can."""
    if not visible(name):
        return "desktops and network storage make folders of this name, which are no classes"
    return name_problem(name)
