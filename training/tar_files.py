# SPDX-License-Identifier: Apache-2.0
"""Unpacks a tar archive of unknown origin into a folder, and nowhere else.

``tarfile``'s own filters came with Python 3.11.4; Debian 12 has 3.11.2.
"""

import os
import tarfile
from pathlib import Path


def extract_all(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack every file, folder and link of an archive below ``folder``.

    Raises tarfile.TarError for a member that would end up or point outside of it, and for devices.
    """
    inside = folder.resolve()
    # Newer versions apply this on top, and would warn without it; 3.11.2 ignores the attribute.
    archive.extraction_filter = getattr(tarfile, "data_filter", None)
    for member in archive:
        if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
            raise tarfile.ReadError(f"{member.name!r} is a device or a pipe")
        places = [inside / member.name]
        if member.issym():
            places.append(inside / member.name / ".." / member.linkname)
        elif member.islnk():
            places.append(inside / member.linkname)
        for place in places:
            # normpath for links that do not exist yet, realpath for those that do.
            for path in (os.path.normpath(place), os.path.realpath(place)):
                if not Path(path).is_relative_to(inside):
                    raise tarfile.ReadError(f"{member.name!r} leads out of the archive")
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        archive.extract(member, folder)
