# SPDX-License-Identifier: Apache-2.0
"""Files and folders that desktops and network storage put beside photos, which nobody shot."""

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
"""What desktops and network storage put into every folder, without regard to letter case."""


def visible(name: str) -> bool:
    """Not a helper file or folder of some desktop or NAS (.DS_Store, __MACOSX, @eaDir)."""
    folded = name.casefold()
    return not folded.startswith((".", "__", "thumbs.db", "ehthumbs")) and (folded not in _HELPERS)
