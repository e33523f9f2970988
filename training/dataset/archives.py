# SPDX-License-Identifier: Apache-2.0
"""Unpacks a zip of photos, and refuses one that could harm the machine."""

import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from training.dataset.listing import DatasetError, visible

_MOST_FILES = 1_000_000
_MOST_BYTES = 500 * 10**9
_GRACE_BYTES, _MOST_RATIO = 100 * 10**6, 50
"""Photos are compressed already: an archive that grows fiftyfold holds something else."""
_CHUNK = 1 << 20
_ENCRYPTED = 0x1


def unpack(archive: Path, target: Path, *, called: str) -> int:
    """Unpack the visible files of a zip into the folder ``target``; return how many were left out.

    Files of desktops and network storage (``__MACOSX``, ``.DS_Store``) are left out. Raises
    DatasetError, which names the entry, for entries outside of the target, links, encrypted or
    damaged entries, names that occur twice, and an archive that unpacks to more than the disk has.
    """
    left_out = 0
    try:
        with zipfile.ZipFile(archive) as packed:
            entries = [entry for entry in packed.infolist() if not entry.is_dir()]
            _check_size(entries, archive.stat().st_size, target, called)
            for entry in entries:
                parts = _parts(entry, called)
                if not all(map(visible, parts)):
                    left_out += 1
                    continue
                place = target.joinpath(*parts)
                if place.exists():
                    raise DatasetError(f"{called}: {entry.filename!r} is in the zip twice")
                place.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(entry) as source, place.open("wb") as file:
                    _copy(source, file, entry, called)
    # NotImplementedError: a compression that Python does not know.
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise DatasetError(f"{called}: the zip cannot be read: {error}") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise DatasetError(f"{called}: one name is a file and a folder in the zip") from error
    return left_out


def _check_size(entries: list[zipfile.ZipInfo], packed: int, target: Path, called: str) -> None:
    """Refuse by the sizes that the zip states; ``_copy`` holds each entry to what it states."""
    if len(entries) > _MOST_FILES:
        raise DatasetError(f"{called}: {len(entries)} files; allowed in a zip: {_MOST_FILES}")
    total = sum(entry.file_size for entry in entries)
    if total > max(_GRACE_BYTES, _MOST_RATIO * packed) or total > _MOST_BYTES:
        raise DatasetError(
            f"{called}: {packed} bytes that unpack to {total} bytes are no photos; allowed: "
            f"{_MOST_RATIO} times the size of the zip, and {_MOST_BYTES} bytes"
        )
    if total > (free := shutil.disk_usage(target).free):
        raise DatasetError(
            f"{called}: unpacks to {total} bytes, and {free} bytes are free in {target.parent}; "
            "set TMPDIR to a folder on a larger disk"
        )


def _parts(entry: zipfile.ZipInfo, called: str) -> tuple[str, ...]:
    """The path of an entry below the target. Windows writes backslashes at times."""
    name = entry.filename.replace("\\", "/")
    path = PurePosixPath(name)
    mode = entry.external_attr >> 16
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise DatasetError(f"{called}: {entry.filename!r} leads out of the zip's own folder")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise DatasetError(f"{called}: {entry.filename!r} is a link or a device, not a file")
    if entry.flag_bits & _ENCRYPTED:
        raise DatasetError(
            f"{called}: {entry.filename!r} is encrypted; pass a zip without password"
        )
    return path.parts


def _copy(source: IO[bytes], file: IO[bytes], entry: zipfile.ZipInfo, called: str) -> None:
    """Copy an entry; the stated size is the limit, whatever the data would unpack to."""
    left = entry.file_size
    while chunk := source.read(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise DatasetError(f"{called}: {entry.filename!r} is larger than the zip states")
        file.write(chunk)
