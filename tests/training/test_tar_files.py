# SPDX-License-Identifier: Apache-2.0
"""Archives are unpacked into their folder and nowhere else, on every Python."""

import io
import tarfile
from pathlib import Path

import pytest

from training.tar_files import extract_all


def unpack(folder: Path, *members: tuple[str, bytes, str]) -> Path:
    """Pack (name, type, link target) and unpack it below ``folder``."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.mode = kind, link, 0o6777
            content = b"content" if kind == tarfile.REGTYPE else b""
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    packed.seek(0)
    (folder / "in").mkdir()
    with tarfile.open(fileobj=packed) as archive:
        extract_all(archive, folder / "in")
    return folder / "in"


def test_files_and_links_within_are_unpacked(tmp_path: Path) -> None:
    folder = unpack(
        tmp_path,
        ("blobs", tarfile.DIRTYPE, ""),
        ("blobs/1", tarfile.REGTYPE, ""),
        ("snapshot", tarfile.DIRTYPE, ""),
        ("snapshot/config.json", tarfile.SYMTYPE, "../blobs/1"),
        ("snapshot/hard.json", tarfile.LNKTYPE, "blobs/1"),
    )
    assert (folder / "snapshot" / "config.json").read_bytes() == b"content"
    assert (folder / "snapshot" / "hard.json").read_bytes() == b"content"
    assert (folder / "blobs" / "1").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    "members",
    [
        [("../out", tarfile.REGTYPE, "")],
        [("/tmp/binsight-out", tarfile.REGTYPE, "")],
        [("a/../../out", tarfile.REGTYPE, "")],
        [("link", tarfile.SYMTYPE, "..")],
        [("link", tarfile.SYMTYPE, "/etc/passwd")],
        [("link", tarfile.LNKTYPE, "../out")],
        [("one", tarfile.SYMTYPE, "."), ("two", tarfile.SYMTYPE, "one/..")],
        [("pipe", tarfile.FIFOTYPE, "")],
    ],
)  # fmt: skip
def test_what_leads_out_is_refused(tmp_path: Path, members: list[tuple[str, bytes, str]]) -> None:
    with pytest.raises(tarfile.TarError):
        unpack(tmp_path, *members)
    assert [path.name for path in tmp_path.rglob("out")] == []
    assert not Path("/tmp/binsight-out").exists()
