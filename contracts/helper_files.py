# SPDX-License-Identifier: Apache-2.0
"""Helper files and folders that desktops and network storage create beside photos."""

_HELPERS = frozenset(
    {
        "@eadir",
        "@tmp",
        "@recycle",
        "@recently-snapshot",
        "#recycle",
        "#snapshot",
        "desktop.ini",
        "picasa.ini",
        "icon\r",
        "lost+found",
        "found.000",
        "system volume information",
        "recycler",
        "$recycle.bin",
        "network trash folder",
        "temporary items",
    }
)
"""Names of files that desktops and network storage create in every folder, in any letter case."""


def visible(name: str) -> bool:
    """Whether this is not a helper file or folder (.DS_Store, __MACOSX, @eaDir)."""
    folded = name.casefold()
    return not folded.startswith((".", "__", "thumbs.db", "ehthumbs")) and (folded not in _HELPERS)
