# SPDX-License-Identifier: Apache-2.0
"""What people hand in as a dataset and nobody expects: each is taken, or refused with a sentence.

The kinds come from public reports: zips of macOS and Windows, damaged zips, paths that are none,
manifests with odd lines, and folders that look like classes and are not.
"""

import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.test_opening import classes, fill, line, manifest, read
from tools.dataset import check_dataset
from training.dataset.listing import DatasetError
from training.dataset.opening import dataset_path, opened

PHOTO = bytes.fromhex("ffd8ffe0")  # no zip looks into its files


def packed(
    archive: Path,
    names: list[bytes],
    *,
    flag: int = 0,
    extra: Callable[[bytes], bytes] | None = None,
) -> Path:
    """A zip whose names are these bytes, as programs of other systems write them."""
    with zipfile.ZipFile(archive, "w") as file:
        for number, name in enumerate(names):
            entry = zipfile.ZipInfo("x" * (len(name) - 4) + f"{number:04}")
            entry.extra = extra(name) if extra else b""
            file.writestr(entry, PHOTO)
    raw = archive.read_bytes()
    for number, name in enumerate(names):
        raw = raw.replace(b"x" * (len(name) - 4) + b"%04d" % number, name)
    archive.write_bytes(raw)
    return archive


def folders(given: Path) -> set[str]:
    with opened(given) as found:
        return {each.name for each in found.folder.iterdir()}


def unicode_path(name: bytes) -> bytes:
    text = name.decode("cp850").encode()
    return struct.pack("<HHBI", 0x7075, 5 + len(text), 1, zlib.crc32(name)) + text


@pytest.mark.parametrize(
    ("encoding", "extra"),
    [("utf-8", None), ("cp437", None), ("cp850", unicode_path)],
    ids=["macOS", "Windows", "WinRAR"],
)
def test_umlauts_in_a_zip_are_read_as_their_writer_meant_them(
    tmp_path: Path, encoding: str, extra: Callable[[bytes], bytes] | None
) -> None:
    word = "M\u00fcll" if encoding == "cp437" else "M\u00fcll \u00f8re"
    names = [f"{name}/a.jpg".encode(encoding) for name in (word, "Papier")]
    assert folders(packed(tmp_path / "d.zip", names, extra=extra)) == {word, "Papier"}


def test_a_unicode_name_of_another_entry_is_not_believed(tmp_path: Path) -> None:
    names = [b"glass/a.jpg", b"paper/a.jpg"]
    given = packed(tmp_path / "d.zip", names, extra=lambda _: unicode_path(b"../../x"))
    assert folders(given) == {"glass", "paper"}


@pytest.mark.parametrize("texts", [["README.txt"], ["LICENSE", "notes.md"], []])
def test_a_text_beside_the_one_folder_of_a_zip_does_no_harm(
    tmp_path: Path, texts: list[str]
) -> None:
    names = [f"set/{name}/a.jpg".encode() for name in ("glass", "paper")]
    given = packed(tmp_path / "d.zip", [*names, *(f"{text}".encode() for text in texts)])
    assert folders(given) == {"glass", "paper"}


def shortened(raw: bytes) -> bytes:
    return raw[:-30]


def garbled(raw: bytes) -> bytes:
    middle = len(raw) // 3
    return raw[:middle] + b"\xff" * 40 + raw[middle + 40 :]


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
@pytest.mark.parametrize("damage", [shortened, garbled])
def test_a_damaged_zip_is_refused_by_name(
    tmp_path: Path, method: int, damage: Callable[[bytes], bytes]
) -> None:
    given = tmp_path / "d.zip"
    with zipfile.ZipFile(given, "w", method) as file:
        file.writestr("glass/a.jpg", os.urandom(900))
    given.write_bytes(damage(given.read_bytes()))
    with pytest.raises(DatasetError, match=r"d\.zip: the zip cannot be read: "), opened(given):
        pass


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([b"glass/" + b"n" * 300 + b".jpg"], "cannot be unpacked: File name too long"),
        ([b"a.txt", b"b.txt"], "no class folders in the zip"),
        ([b"inner.zip"], r"a folder with inner\.zip; unpack the outer zip and pass the inner"),
    ],
)
def test_a_zip_that_holds_something_else(tmp_path: Path, names: list[bytes], words: str) -> None:
    with pytest.raises(DatasetError, match=words), opened(packed(tmp_path / "d.zip", names)):
        pass


@pytest.mark.parametrize(
    "begin", [b"\x1f\x8b\x08", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"BZh9"]
)
def test_an_archive_of_another_kind_is_named_one(tmp_path: Path, begin: bytes) -> None:
    (tmp_path / "d.tgz").write_bytes(begin + bytes(600))
    with pytest.raises(DatasetError, match="unpack it and pass the folder"):
        read(tmp_path / "d.tgz")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("s3://bucket/photos/", r"aws s3 cp --recursive s3://bucket/photos/ folder"),
        ("https://example.org/d.zip", "download it first"),
        ("file:///tmp/photos", "pass the path alone: /tmp/photos"),
        ("~nobody-has-this-name/photos", "dataset ~nobody-has-this-name/photos: .*home"),
        ("a\0b", "null byte"),
        ("a" * 5000, "File name too long"),
    ],
)
def test_what_is_no_path_is_refused_with_a_sentence(given: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        dataset_path(given)
    with pytest.raises(DatasetError, match=words), opened(given):
        pass


def test_links_that_lead_to_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "a")
    with pytest.raises(DatasetError, match=r"dataset .*a: "), opened(tmp_path / "a"):
        pass


def test_a_pipe_among_the_photos_is_named_and_not_waited_for(tmp_path: Path) -> None:
    classes(tmp_path)
    os.mkfifo(tmp_path / "glass" / "live.jpg")
    with pytest.raises(DatasetError, match=r"glass/live\.jpg: not a file but a pipe"):
        check_dataset(tmp_path)


# Manifests


@pytest.mark.parametrize("letter", ["\u2028", "\u0085", "\x1c"])
def test_a_letter_that_ends_lines_elsewhere_ends_none_in_json(tmp_path: Path, letter: str) -> None:
    fill(tmp_path, 2)
    records = [line(f"s3://b/{n}.jpg", name) for n, name in enumerate(("glass", "paper"))]
    text = "\r\n".join(
        json.dumps({**one, "note": "a_b"}, ensure_ascii=False).replace("_b", f"{letter}b")
        if letter > " "
        else json.dumps({**one, "note": f"a{letter}b"})
        for one in records
    )
    (tmp_path / "output.manifest").write_text(text, encoding="utf-8")
    assert read(tmp_path / "output.manifest")[0] == {"glass": 1, "paper": 1}


@pytest.mark.parametrize(
    "address", ["s3://[b/x.jpg", "s3://b/" + "y" * 300, "s3://b/x\0.jpg", "s3://"]
)
def test_an_address_that_is_none_is_a_photo_that_is_not_there(tmp_path: Path, address: str) -> None:
    given = manifest(tmp_path / "output.manifest", [line(address, "glass")])
    with pytest.raises(DatasetError, match="1 photos of the manifest are not in"), opened(given):
        pass


def test_json_of_any_depth_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "output.manifest").write_text("[" * 100_000)
    with pytest.raises(DatasetError, match="line 1: not JSON: nested too deeply"):
        read(tmp_path / "output.manifest")
    classes(tmp_path / "set")
    (tmp_path / "set" / "_split.json").write_text("[" * 100_000)
    with pytest.raises(DatasetError, match=r"_split\.json: not JSON: nested too deeply"):
        check_dataset(tmp_path / "set")


def test_labels_without_the_names_of_classes_are_explained(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    given = manifest(tmp_path / "output.manifest", [{"source-ref": "s3://b/0.jpg", "class": 1}])
    with pytest.raises(DatasetError, match=r"no line has a label.*-metadata' with a 'class-name'"):
        read(given)


# Folders that are no classes

COCO = {"info": {}, "images": [], "annotations": [], "categories": []}


@pytest.mark.parametrize(
    ("inside", "beside", "words"),
    [
        (("batch_1", "batch_2"), ("annotations.json", COCO), r"detection \(COCO\)"),
        (("images", "masks"), None, r"segmentation \(pictures and masks\)"),
        (("images",), ("train.csv", 0), r"labels in a table \(train\.csv\)"),
    ],
)
def test_folders_of_photos_that_are_no_classes(
    tmp_path: Path, inside: tuple[str, ...], beside: tuple[str, object] | None, words: str
) -> None:
    for name in inside:
        fill(tmp_path / name, 2)
    if beside:
        (tmp_path / beside[0]).write_text(json.dumps(beside[1]))
    with pytest.raises(DatasetError, match=words):
        read(tmp_path)


def test_a_table_beside_classes_makes_no_difference(tmp_path: Path) -> None:
    classes(tmp_path)
    (tmp_path / "annotations.json").write_text(json.dumps({"images": 8}))
    (tmp_path / "labels.csv").write_text("photo,class\n")
    assert read(tmp_path)[0] == {"glass": 4, "paper": 4}


def test_a_folder_without_a_photo_beside_splits_is_left_out_and_named(tmp_path: Path) -> None:
    classes(tmp_path / "train")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("x")
    found, _, notes = read(tmp_path)
    assert found == {"glass": 4, "paper": 4}
    assert "left out folders without a photo: docs" in notes


def test_files_without_a_suffix_are_counted(tmp_path: Path) -> None:
    classes(tmp_path)
    for photo in (tmp_path / "glass").iterdir():
        photo.rename(photo.with_suffix(""))
    with pytest.raises(DatasetError, match=r"'glass' has no photo .* 4 files with no suffix"):
        check_dataset(tmp_path)


@pytest.mark.parametrize("name", [".", "glass", "glass/more"])
def test_a_folder_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    classes(tmp_path)
    fill(tmp_path / "glass" / "more", 1)
    closed = tmp_path / name
    # Root, which tests may run as, may read everything.
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != closed)
    with pytest.raises(DatasetError, match="permission denied") as told:
        read(tmp_path)
    assert str(closed) in str(told.value)
