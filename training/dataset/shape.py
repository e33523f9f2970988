# SPDX-License-Identifier: Apache-2.0
"""Recognises folders that are no class folders, and says what they look like."""

import re
from collections.abc import Sequence
from pathlib import Path

from contracts.helper_files import visible
from training.dataset.listing import EXPECTED, SUFFIXES, folders_in

_SPLIT = re.compile(
    r"(?:(?P<train>train(?:ing|s)?|entrenamiento|treino|treinamento|entra[i\u00ee]nement)|"
    r"(?P<validation>val(?:id(?:ation|ierung|aci[o\u00f3]n|a[c\u00e7][a\u00e3]o)?)?|dev)|"
    r"(?P<eval>eval(?:uation)?)|(?P<test>test(?:ing|s|es?)?|pruebas?|hold[ _-]?out))"
    r"(?:[ _-]?(?:set|data|images?|imgs|photos|split|[0-9]+))*",
    re.IGNORECASE,
)
_PART = re.compile(
    r"(?:[a-z]*[ _-]*[0-9]+(?:[ _-][0-9]+)*)|"
    r"(?:raw|original|augment|crop|resize|process|preprocess|clean|label|data|photo|image|pictur)"
    r"[a-z]*",
    re.IGNORECASE,
)
"""Names of parts of a collection: batch_1, 2023, camera2, raw, augmented."""
_TABLES = {".csv", ".tsv", ".xlsx", ".json", ".jsonl", ".txt", ".xml"}
_LABELS = {".csv", ".tsv", ".xlsx", ".jsonl", ".json", ".xml"}
_LISTS = re.compile(r"label|class|annot|train|test|val|list|image", re.IGNORECASE)
_NOTES = ("readme", "license", "requirements")
_MOST_OF_TABLE = 64 << 20
_PICTURES = {"images", "image", "imgs", "img", "data", "jpegimages"}
_MASKS = {"masks", "mask", "segmentations", "segmentation", "segmentationclass", "sem_seg", "gt"}
_RECORDS = {
    ".parquet": "a table of pictures (Parquet, as of Hugging Face)",
    ".arrow": "a table of pictures (Arrow, as of Hugging Face)",
    ".tfrecord": "TensorFlow records",
    ".rec": "MXNet records",
    ".lmdb": "an LMDB database",
    ".h5": "an HDF5 file",
    ".npz": "NumPy arrays",
    ".mat": "MATLAB arrays",
}


def kept_splits(folders: Sequence[Path]) -> list[tuple[Path, str]]:
    """Folders that divide a dataset, each with train, validation or test; none where they do not.

    All folders must have the name of a split, and those for training class folders.
    """
    splits = _splits(folders)
    trained = [folder for folder, split in splits if split == "train"]
    if not trained or not all(_classes_in(folder) for folder in trained):
        return []
    return splits


def splits_in_classes(folders: Sequence[Path]) -> list[tuple[Path, str]]:
    """Split folders inside the class folders (``glass/train/a.jpg``); none where they do not
    divide all classes, with photos to train on in each."""
    found: list[tuple[Path, str]] = []
    for folder in folders:
        splits = [] if _has_own_photos(folder) else _splits(folders_in(folder))
        if not any(split == "train" and _has_own_photos(inside) for inside, split in splits):
            return []
        found += splits
    return found


def _splits(folders: Sequence[Path]) -> list[tuple[Path, str]]:
    """Each folder with the split that its name stands for; none where one stands for none."""
    matches = [_SPLIT.fullmatch(folder.name) for folder in folders]
    if not folders or not all(matches):
        return []
    kinds = [str(match.lastgroup) for match in matches if match]
    # Beside a test, "eval" is for choosing a model; without one it is the test.
    other = "validation" if "test" in kinds else "test"
    return [
        (folder, other if kind == "eval" else kind)
        for folder, kind in zip(folders, kinds, strict=True)
    ]


def misread(dataset: Path, folders: Sequence[Path], *, divided: bool = False) -> str:
    """Why these folders are not classes but something else; "" where they may be classes.

    ``divided``: the splits are known, and each class has a folder for each.
    """
    if wrong := ("" if divided else _misread_splits(folders)):
        return f"{wrong}; {EXPECTED}"
    if form := _labels_in_a_table(dataset, folders):
        return f"looks like {form}, which is not read; {EXPECTED}"
    if form := _other_form(dataset, folders):
        return f"looks like {form}; {EXPECTED}"
    if len(folders) == 1 and not divided and (lower := _classes_below(folders[0])):
        inside = [folder.name for folder in folders_in(lower) if has_photos(folder)]
        what = "split folders" if kept_splits(folders_in(lower)) else "class folders"
        down = "one folder" if lower == folders[0] else "some folders"
        return f"its {what} ({', '.join(inside[:5])}) lie {down} further down: pass {lower}"
    return "" if divided else _same_inside(folders)


def _misread_splits(folders: Sequence[Path]) -> str:
    """What is wrong with folders that have the names of splits."""
    splits = [folder for folder in folders if _SPLIT.fullmatch(folder.name)]
    nested = [folder for folder in splits if _classes_in(folder)]
    if nested or (splits and len(splits) == len(folders)):
        names = ", ".join(folder.name for folder in nested or splits)
        inside = _classes_in(nested[0]) if nested else []
        found = f" of class folders ({', '.join(inside[:5])})" if inside else ""
        why = _misread_because(splits, folders) if inside else "without class folders inside"
        tables = [f"{each.name}/{name}" for each in splits for name in _tables_in(each)]
        beside = f", and the labels in a table that is not read ({tables[0]})" if tables else ""
        return f"{names} look like splits{found}, {why}{beside}"
    return ""


def _misread_because(splits: Sequence[Path], folders: Sequence[Path]) -> str:
    if len(splits) < len(folders):
        others = [folder.name for folder in folders if folder not in splits]
        return f"beside other folders ({', '.join(others[:5])})"
    trained = [folder for folder, split in _splits(folders) if split == "train"]
    without = [folder.name for folder in trained if not _classes_in(folder)]
    if without:
        return f"but {without[0]} has photos outside class folders, or none"
    return "none of them for training" if not trained else "which were not looked into"


def _classes_below(folder: Path) -> Path | None:
    """The first folder with several folders of photos, as long as there is but one way down."""
    while not _has_own_photos(folder):
        inside = [below for below in folders_in(folder) if has_photos(below)]
        if len(inside) > 1 or kept_splits(inside):
            return folder
        if not inside:
            return None
        folder = inside[0]
    return None


def _same_inside(folders: Sequence[Path]) -> str:
    """Folders by batch, year or camera, each with the same class folders, are no classes."""
    inner = [_classes_in(folder) for folder in folders] if len(folders) > 1 else []
    common = set.intersection(*map(set, inner)) if inner else set()
    # A class may have the same kinds of photos as the others: glass/clean, metal/clean.
    if len(common) < 2 or not all(_PART.fullmatch(folder.name) for folder in folders):
        return ""
    names, classes = (", ".join(sorted(some)[:5]) for some in ([f.name for f in folders], common))
    return (
        f"{names} each have the folders {classes}: are these the classes? Then put the photos of "
        f"each into one folder; else give the folders different names"
    )


def _labels_in_a_table(dataset: Path, folders: Sequence[Path]) -> str:
    tables = [name for name in _tables_in(dataset) if _may_hold_labels(Path(name))]
    if len(folders) == 1 and tables and any(map(_is_photo, folders[0].iterdir())):
        return f"photos ({folders[0].name}) with their labels in a table ({tables[0]})"
    return ""


def _may_hold_labels(table: Path) -> bool:
    suffix = table.suffix.lower()
    return suffix in _LABELS or (suffix == ".txt" and _LISTS.search(table.stem) is not None)


def without_classes(dataset: Path) -> str:
    """What a folder without any class folder looks like."""
    files = [item for item in dataset.iterdir() if item.is_file() and visible(item.name)]
    photos = [item for item in files if _is_photo(item)]
    tables = _tables_in(dataset)
    archives = sorted(item.name for item in files if item.suffix.lower() == ".zip")
    if photos and tables:
        return f"{len(photos)} photos in no class folder, beside {tables[0]}"
    if photos:
        return f"{len(photos)} photos in no class folder"
    if len(archives) > 1:
        return f"a folder with {len(archives)} zips ({archives[0]}, ...); unpack them"
    if archives:
        return f"a folder with {archives[0]}; pass the zip itself"
    if not files:
        return "an empty folder"
    return _records(files) or f"{len(files)} files ({', '.join(_kinds_of(files))}) and no photo"


def _other_form(dataset: Path, folders: Sequence[Path]) -> str:
    """Well-known forms of labels that are boxes, outlines or records and no classes of photos."""
    names = {folder.name.casefold(): folder for folder in folders}
    if "images" in names and "labels" in names:
        return "a dataset for detection (YOLO: images and labels), which has boxes and no classes"
    if "jpegimages" in names and "annotations" in names:
        return "a dataset for detection (Pascal VOC), which has boxes and no classes"
    annotations = names.get("annotations", dataset)
    if any(_is_coco(path) for path in annotations.glob("*.json")):
        return "a dataset for detection (COCO), which has boxes and no classes"
    if _PICTURES & names.keys() and _MASKS & names.keys():
        return "a dataset for segmentation (pictures and masks), which has outlines and no classes"
    return _records([item for folder in folders for item in folder.iterdir()])


def _is_coco(path: Path) -> bool:
    if re.search(r"instances|coco", path.name):
        return True
    try:
        text = path.read_bytes()[:_MOST_OF_TABLE]
    except OSError:
        return False
    return all(key in text for key in (b'"images"', b'"annotations"', b'"categories"'))


def _tables_in(folder: Path) -> list[str]:
    files = (item for item in folder.iterdir() if visible(item.name) and not item.is_dir())
    return sorted(
        item.name
        for item in files
        if item.suffix.lower() in _TABLES and not item.name.lower().startswith(_NOTES)
    )


def _records(files: Sequence[Path]) -> str:
    found = [
        form
        for file in files
        for suffix in reversed(file.suffixes)
        # TensorFlow numbers its files: train.tfrecord-00000-of-00010.
        if (form := _RECORDS.get(suffix.lower().partition("-")[0]))
    ]
    return found[0] if found and not any(_is_photo(file) for file in files) else ""


def _kinds_of(files: Sequence[Path]) -> list[str]:
    found = sorted({item.suffix or "no suffix" for item in files})
    return [*found[:4], "..."] if len(found) > 4 else found


def _classes_in(folder: Path) -> list[str]:
    """The folders with photos inside a folder that has no photo of its own."""
    if _has_own_photos(folder):
        return []
    return [item.name for item in folders_in(folder) if _has_own_photos(item)]


def _has_own_photos(folder: Path) -> bool:
    return any(_is_photo(item) for item in folder.iterdir())


def has_photos(folder: Path) -> bool:
    """Whether there is a photo at any depth."""
    return any(_is_photo(item) for item in folder.rglob("*"))


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and visible(path.name) and not path.is_dir()
