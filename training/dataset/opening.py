# SPDX-License-Identifier: Apache-2.0
"""Opens a dataset in any of the forms that people have, as a folder of class folders.

Taken are: a folder of class folders; a folder of train, validation and test folders of class
folders, whose split is kept; the output manifest of a SageMaker Ground Truth job for image
classification, beside a copy of its photos; and a zip of one of these. What is not a folder of
class folders becomes one in a temporary folder, of links to the files.
"""

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from contracts.given import given_path
from contracts.helper_files import visible
from contracts.real_format import real_format
from training.dataset.archives import unpack
from training.dataset.divided import link, link_splits, link_splits_inside
from training.dataset.ground_truth import SUFFIX, is_manifest, manifest_in, read_manifest
from training.dataset.listing import (
    BACKGROUND,
    EXPECTED,
    SUFFIXES,
    DatasetError,
    files_in,
    folders_in,
)
from training.dataset.shape import has_photos, kept_splits, splits_in_classes, without_classes
from training.dataset.sources import class_names

_ARCHIVES = (
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!",
    b"\x28\xb5\x2f\xfd",
)
"""How gzip, bzip2, xz, 7z, RAR and Zstandard begin."""


@dataclass(frozen=True)
class Opened:
    """``folder`` has class folders; ``called`` is what was given, for messages; ``notes`` say, in
    sentences, what was recognised and what was left out.
    """

    folder: Path
    called: str
    notes: tuple[str, ...] = ()


@contextmanager
def opened(given: str | Path) -> Iterator[Opened]:
    """The dataset that was given, until the end of the block. ``~`` is the home folder.

    Raises DatasetError where there is nothing, or nothing that could be a dataset. Class folders
    and photos are not looked at: ``training.dataset.sources`` does.
    """
    called = f"dataset {given}"
    path = dataset_path(given)
    with tempfile.TemporaryDirectory(prefix="binsight-dataset-") as scratch:
        if path.is_dir():
            yield _folder(path, Path(scratch), called, ())
        elif path.is_file():
            yield _file(path, Path(scratch), called)
        else:
            raise DatasetError(f"{called}: there is no such folder or file")


def dataset_path(given: str | Path) -> Path:
    """The absolute path of a dataset. Raises DatasetError for what is no path on this machine."""
    if hint := _elsewhere(str(given)):
        raise DatasetError(f"dataset {given}: {hint}")
    try:
        return given_path(given)
    except ValueError as error:
        raise DatasetError(f"dataset {given}: {error}") from error


def _elsewhere(given: str) -> str:
    """What to do with an address that is no path; empty for a path."""
    scheme, mark, rest = given.partition("://")
    if not mark or not scheme.isalnum():
        return ""
    if scheme.lower() == "s3":
        return f"lies in S3; copy it first, such as by: aws s3 cp --recursive {quote(given)} folder"
    if scheme.lower() == "file":
        return f"pass the path alone: {rest}"
    return "an address; download it first and pass the folder or file"


def _file(path: Path, scratch: Path, called: str) -> Opened:
    if zipfile.is_zipfile(path):
        target = scratch / "zip"
        target.mkdir()
        left_out = unpack(path, target, called=called)
        notes = [f"a zip, unpacked into {target} for the time being"]
        if left_out:
            notes.append(f"left out {left_out} files of desktops and storage in the zip")
        inside = _innermost(target)
        if not folders_in(inside) and manifest_in(inside) is None:
            looks = without_classes(inside).removesuffix("; pass the zip itself")
            inner = "; unpack the outer zip and pass the inner one" if ".zip" in looks else ""
            raise DatasetError(
                f"{called}: no class folders in the zip{looks and ': ' + looks}{inner}; {EXPECTED}"
            )
        return _folder(inside, scratch, called, notes)
    if path.suffix.lower() == SUFFIX or is_manifest(path):
        return _manifest(path, path.parent, scratch, called, ())
    with path.open("rb") as file:
        begin = file.read(512)
    if begin.startswith(b"PK\3\4"):
        raise DatasetError(
            f"{called}: the zip cannot be read: its end is missing; copy or download it again"
        )
    if begin.startswith(b"PK\x07\x08"):
        raise DatasetError(
            f"{called}: a part of a zip that was split; join the parts, such as by: "
            "zip -s 0 parts.zip --out whole.zip"
        )
    if begin.startswith(_ARCHIVES) or begin[257:262] == b"ustar":
        raise DatasetError(
            f"{called}: an archive of a kind that is not read; unpack it and pass the folder; "
            f"{EXPECTED}"
        )
    form = real_format(begin)
    known = form and path.suffix.lower() not in {".json", ".xml"}
    looks = f"looks like {form}" if known else f"a file {path.suffix or 'without a suffix'}"
    raise DatasetError(f"{called}: {looks}; {EXPECTED}")


def _innermost(folder: Path) -> Path:
    """Many zips hold one folder in which everything is, at times with a text beside it; a class
    folder alone is no dataset."""
    while manifest_in(folder) is None:
        files = [item for item in folder.iterdir() if visible(item.name) and not item.is_dir()]
        inside = folders_in(folder)
        if len(inside) != 1 or not folders_in(inside[0]):
            break
        if any(item.suffix.lower() in SUFFIXES for item in files):
            break
        folder = inside[0]
    return folder


def _folder(path: Path, scratch: Path, called: str, notes: Sequence[str]) -> Opened:
    folders = folders_in(path)
    splits = kept_splits(folders)
    if not splits and (
        splits := kept_splits(shown := [each for each in folders if has_photos(each)])
    ):
        names = ", ".join(each.name for each in folders if each not in shown)
        notes = [*notes, f"left out folders without a photo: {names}"]
    if splits:
        target = scratch / "classes"
        return Opened(target, called, (*notes, *link_splits(path, splits, target, called=called)))
    if inner := splits_in_classes(folders):
        target = scratch / "classes"
        said = link_splits_inside(path, inner, target, called=called)
        return Opened(target, called, (*notes, *said))
    manifest = manifest_in(path)
    if manifest is not None:
        if len(folders) < 2 or manifest.parent != path:
            return _manifest(manifest, path, scratch, called, notes)
        name = manifest.name
        notes = [*notes, f"{name} lies beside class folders and is not read; pass it to use it"]
    return Opened(path, called, tuple(notes))


def _manifest(
    manifest: Path, folder: Path, scratch: Path, called: str, notes: Sequence[str]
) -> Opened:
    found = read_manifest(manifest, folder, called=called)
    names = sorted({name for name, *_ in found.photos})
    try:
        composed = dict(zip(names, class_names(names), strict=True))
    except ValueError as error:
        raise DatasetError(f"{called}: {error}") from error
    target = scratch / "classes"
    for number, (name, below, file) in enumerate(found.photos):
        hidden = not all(map(visible, below.split("/")))
        place = f"{number:07d}-{file.name.lstrip('._')}" if hidden else below
        link(file, target / composed[name] / place)
    notes = [*notes, f"a Ground Truth manifest with {len(found.photos)} labelled photos"]
    if found.unlabelled:
        notes.append(f"left out {found.unlabelled} photos without a label")
    for name in files_in(folder / BACKGROUND, folder / BACKGROUND)[0]:
        link(folder / BACKGROUND / name, target / BACKGROUND / name)
    return Opened(target, called, tuple(notes))
