# SPDX-License-Identifier: Apache-2.0
"""Unpacks a zip of photos, and refuses one that could harm the machine."""

import lzma
import shutil
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from contracts.helper_files import visible
from training.dataset.listing import DatasetError

_MOST_FILES = 1_000_000
_MOST_BYTES = 500 * 10**9
_GRACE_BYTES, _MOST_RATIO = 100 * 10**6, 50
"""Photos are compressed already: an archive that grows fiftyfold holds something else."""
_CHUNK = 1 << 20
_ENCRYPTED, _IN_UTF8 = 0x1, 0x800
_UNICODE_PATH = 0x7075
_DAMAGED = (
    zipfile.BadZipFile,
    EOFError,
    RuntimeError,  # among them NotImplementedError: a compression that Python does not know
    zlib.error,
    lzma.LZMAError,
)


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
                if not parts or not all(map(visible, parts)):
                    left_out += 1
                    continue
                place = target.joinpath(*parts)
                if place.exists():
                    raise DatasetError(f"{called}: {entry.filename!r} is in the zip twice")
                place.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(entry) as source, place.open("wb") as file:
                    _copy(source, file, entry, called)
    except _DAMAGED as error:
        raise DatasetError(f"{called}: the zip cannot be read: {error}") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise DatasetError(f"{called}: one name is a file and a folder in the zip") from error
    except OSError as error:
        # bz2 says that its data is damaged by an OSError without a number.
        raise DatasetError(
            f"{called}: the zip cannot be read: {error}"
            if error.errno is None
            else f"{called}: cannot be unpacked: {error.strerror}: {error.filename or target}"
        ) from error
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
    name = _name(entry).replace("\\", "/")
    path = PurePosixPath(name)
    mode = entry.external_attr >> 16
    if path.is_absolute() or ".." in path.parts or ":" in name.split("/", 1)[0]:
        raise DatasetError(f"{called}: {entry.filename!r} leads out of the zip's own folder")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise DatasetError(f"{called}: {entry.filename!r} is a link or a device, not a file")
    if entry.flag_bits & _ENCRYPTED:
        raise DatasetError(
            f"{called}: {entry.filename!r} is encrypted; pass a zip without password"
        )
    return path.parts


def _name(entry: zipfile.ZipInfo) -> str:
    """The name of an entry, which Python reads as code page 437 where no flag says UTF-8.

    macOS writes UTF-8 without the flag; Info-ZIP and WinRAR add the name in UTF-8 beside it.
    """
    try:
        raw = entry.filename.encode("cp437")
    except UnicodeEncodeError:
        return entry.filename
    if entry.flag_bits & _IN_UTF8:
        return entry.filename
    try:
        return _unicode_path(entry.extra, raw) or raw.decode()
    except UnicodeDecodeError:
        return entry.filename


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """The name in the extra field for it, where that belongs to the name ``raw``; else empty."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        body, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == _UNICODE_PATH and body[1:5] == struct.pack("<I", zlib.crc32(raw)):
            return body[5:].decode()
    return ""


def _copy(source: IO[bytes], file: IO[bytes], entry: zipfile.ZipInfo, called: str) -> None:
    """Copy an entry; the stated size is the limit, whatever the data would unpack to."""
    left = entry.file_size
    while chunk := source.read(_CHUNK):
        left -= len(chunk)
        if left < 0:
            raise DatasetError(f"{called}: {entry.filename!r} is larger than the zip states")
        file.write(chunk)
