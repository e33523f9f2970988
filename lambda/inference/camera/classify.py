# SPDX-License-Identifier: Apache-2.0
"""Classifies a folder of photos with the camera's own code.

``python -m camera.classify --model model.tar.gz --photos folder --out answers.jsonl`` writes one
line for each photo: an object with ``photo``, ``class``, ``bin``, ``confidence`` (of the class),
``bin_confidence`` (of all classes of the bin together) and ``region``.

The model looks at the item as it does on a camera: where the photo differs from the empty view,
which ``--empty`` gives, or which the photos of one fixed camera have in common. Without an empty
view, where nothing differs from it, or with a model that learned whole photos only, it looks at the
whole photo, and ``region`` is null.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from camera.model.engine import Model, ModelError
from camera.model.model_store import ModelStore
from camera.vision.photos import NoPhotoError, Photo, empty_view_of
from contracts.atomic_file import write_file
from contracts.bins import BinPolicy, read_policy
from contracts.command_line import run_command
from contracts.cut import Box
from contracts.empty_view import Grid, item_box
from contracts.given import given_path, home_path
from contracts.helper_files import visible
from contracts.messages import ModelName
from contracts.model_archive import ArchiveError, file_digest

EmptyView = tuple[Grid, tuple[int, int]]
"""What the presence gate compares, and the photo's columns and rows."""


def main(arguments: list[str] | None = None) -> int:
    """Classify; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="camera.classify", description="Classify a folder of photos."
    )
    parser.add_argument("--model", type=given_path, required=True, help="model.tar.gz")
    parser.add_argument(
        "--photos", type=given_path, required=True, help="folder, searched in depth"
    )
    parser.add_argument(
        "--out", type=home_path, required=True, help="JSON lines; - for the terminal"
    )
    parser.add_argument(
        "--bins", default='{"classes":{}}', help="bin policy: JSON, or a TOML file with [bins]"
    )
    parser.add_argument(
        "--empty", type=given_path, help="a photo of the empty view (default: found in the photos)"
    )
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    try:
        if not options.photos.is_dir():
            raise OSError(f"{options.photos}: no such folder")
        bins = read_policy(options.bins)
        with tempfile.TemporaryDirectory(prefix="binsight-classify-") as scratch:
            model = _load(options.model, Path(scratch), threads=options.threads)
            empty = _empty_view(options.empty, options.photos, model=model)
            lines = classify(options.photos, model=model, bins=bins, empty=empty)
            count = _write(options.out, lines)
    except (ArchiveError, ModelError, OSError, ValueError) as error:
        print(f"classify: {error}", file=sys.stderr)
        return 1
    print(f"{count[0]} photos classified, {count[1]} other files skipped", file=sys.stderr)
    return 0


def classify(
    folder: Path, *, model: Model, bins: BinPolicy, empty: EmptyView | None = None
) -> Iterator[dict[str, object] | None]:
    """One answer for each photo in order of path; None for a file that is not a photo.

    ``empty``: the view without an item, where the photos are of one fixed camera.
    """
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            photo = Photo(path)
        except NoPhotoError as error:
            print(f"{name}: {error}", file=sys.stderr)
            yield None
            continue
        if empty is not None and photo.size != empty[1]:
            note = "its size differs from the empty view, so the whole photo is used"
            print(f"{name}: {note}", file=sys.stderr)
        region = _region(photo, model=model, empty=empty)
        card = model.card
        probabilities = model.answer(photo.input(region, width=card.width, height=card.height))
        item = bins.sort(card.labels, probabilities.tolist())
        yield {
            "photo": name,
            "class": item.class_name,
            "bin": item.bin,
            "confidence": round(item.confidence, 4),
            "bin_confidence": round(item.bin_confidence, 4),
            "region": None if region is None else list(region),
        }


def _files(folder: Path) -> list[Path]:
    found = (item for item in folder.rglob("*") if item.is_file())
    return sorted(item for item in found if all(map(visible, item.relative_to(folder).parts)))


def _empty_view(given: Path | None, folder: Path, *, model: Model) -> EmptyView | None:
    """The empty view, and a line on what the model will look at. Raises OSError."""
    if model.cut is None:
        note = "this model was trained on whole photos, so it looks at whole photos"
        empty = None
    elif given is not None:
        try:
            photo = Photo(given)
        except NoPhotoError as error:
            raise OSError(f"--empty {given}: {error}") from error
        empty = (photo.grid, photo.size)
        note = f"looking at what differs from {given.name}"
    else:
        empty = empty_view_of(_files(folder))
        note = "looking at what differs from the view that the photos have in common"
        if empty is None:
            note = "the photos have no view in common (EMPTY=photo gives one): using whole photos"
    print(note, file=sys.stderr)
    return empty


def _region(photo: Photo, *, model: Model, empty: EmptyView | None) -> Box | None:
    if model.cut is None or empty is None:
        return None
    view, size = empty
    columns, rows = photo.size
    if (columns, rows) != size:
        return None
    box = item_box(view, photo.grid, columns=columns, rows=rows)
    if box is None:
        return None
    card = model.card
    return model.cut.region(box, columns=columns, rows=rows, width=card.width, height=card.height)


def _load(archive: Path, scratch: Path, *, threads: int) -> Model:
    store = ModelStore(scratch, threads=threads)
    store.prepare()
    return store.stage(archive, name=ModelName(digest=file_digest(archive), version="local"))


def _write(out: Path, answers: Iterator[dict[str, object] | None]) -> tuple[int, int]:
    """Write the answers in one step or not at all; how many, and how many files were skipped."""
    lines, skipped = [], 0
    for answer in answers:
        if answer is None:
            skipped += 1
        else:
            lines.append(json.dumps(answer, ensure_ascii=False))
    text = "".join(f"{line}\n" for line in lines)
    if str(out) == "-":
        print(text, end="")
    else:
        write_file(out, text)
    return len(lines), skipped


if __name__ == "__main__":
    sys.exit(run_command(main))
