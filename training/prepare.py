# SPDX-License-Identifier: Apache-2.0
"""Prepare: check the photos of a dataset and divide them into training, validation and test.

Reads ``<dataset>/<class>/*.jpg|jpeg|png``; writes ``<output>/<split>/<class>/*`` and, last,
``dataset.json``, which says what was taken, what was rejected and why. The same photos and the same
seed give the same bytes.
"""

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file: make the project importable
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from training import job
from training.photos import Photo, Rejected, check, list_sources
from training.split import SPLITS, divide

DATASET_FILE = "dataset.json"
CHECKED_FOLDER = "checked"
SCHEMA = 1
_SHOWN = 10


def prepare(
    dataset: Path,
    output: Path,
    *,
    seed: int = 0,
    longest_side: int = 512,
    minimum_photos: int = 10,
) -> dict[str, Any]:
    """Do the step; return what ``dataset.json`` says."""
    sources = list_sources(dataset)
    print(f"prepare: {len(sources)} files in {dataset}", flush=True)
    _claim(dataset.resolve(), output.resolve())
    _clear(output)
    checked = output / CHECKED_FOLDER
    checked.mkdir(parents=True)
    tick = max(1, len(sources) // 10)

    def progress(done: int) -> None:
        if done % tick == 0 or done == len(sources):
            print(f"checked={done}/{len(sources)}", flush=True)

    try:
        photos, rejected = check(
            dataset, sources, keep=checked, longest_side=longest_side, tick=progress
        )
        _require_every_class({source.class_name for source in sources}, photos)
        parts = divide(photos, seed=seed, minimum_photos=minimum_photos)
        document = _document(parts, rejected, seed=seed)
        _place(parts, output)
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        unfinished = checked / DATASET_FILE
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(output / DATASET_FILE)
        checked.rmdir()
    except BaseException:
        _clear(output)
        raise
    _summary(document, rejected)
    return document


def stored_name(index: int, photo: Photo) -> str:
    """The name in the prepared folder. The number keeps x.jpg and sub/x.png apart."""
    return f"{index:05d}-{Path(photo.path).stem}{photo.stored.suffix}"


def _claim(dataset: Path, output: Path) -> None:
    """Refuse a folder in which clearing an earlier result could delete somebody's photos."""
    if output.is_relative_to(dataset) or dataset.is_relative_to(output):
        raise job.StepError(f"output {output} and dataset {dataset}: one is inside the other")
    if not output.exists():
        return
    found = {path.name for path in output.iterdir()}
    if found & set(SPLITS) and not found & {DATASET_FILE, CHECKED_FOLDER}:
        raise job.StepError(f"output {output}: has folders that prepare did not write")


def _clear(output: Path) -> None:
    """Remove an earlier result, its marker first, so that half of it is never taken for whole."""
    (output / DATASET_FILE).unlink(missing_ok=True)
    # The work folder goes last: as long as it is there, the rest is known to be prepare's.
    for name in (*SPLITS, CHECKED_FOLDER):
        if (output / name).exists():
            shutil.rmtree(output / name)


def _place(parts: Mapping[str, Mapping[str, list[Photo]]], output: Path) -> None:
    for split, by_class in parts.items():
        for name, members in by_class.items():
            folder = output / split / name
            folder.mkdir(parents=True)
            for index, photo in enumerate(members):
                photo.stored.rename(folder / stored_name(index, photo))


def _require_every_class(names: set[str], photos: list[Photo]) -> None:
    without = sorted(names - {photo.class_name for photo in photos})
    if without:
        raise job.StepError(f"class {without[0]!r}: no usable photo is left after the checks")


def _document(
    parts: Mapping[str, Mapping[str, list[Photo]]], rejected: list[Rejected], *, seed: int
) -> dict[str, Any]:
    classes = sorted(parts["train"])
    lines = sorted(
        f"{split}\t{name}\t{photo.digest}\t{photo.path}\n"
        for split, by_class in parts.items()
        for name, members in by_class.items()
        for photo in members
    )
    digest = hashlib.sha256("".join(lines).encode())
    return {
        "schema": SCHEMA,
        "digest": digest.hexdigest(),
        "classes": classes,
        "seed": seed,
        "counts": {split: {name: len(parts[split][name]) for name in classes} for split in SPLITS},
        "splits": {
            split: [photo.path for name in classes for photo in parts[split][name]]
            for split in SPLITS
        },
        "rejected": [{"file": item.path, "reason": item.reason} for item in rejected],
    }


def _summary(document: Mapping[str, Any], rejected: list[Rejected]) -> None:
    for name in document["classes"]:
        numbers = " ".join(f"{split}={document['counts'][split][name]}" for split in SPLITS)
        print(f"class={name} {numbers}")
    for item in rejected[:_SHOWN]:
        print(f"rejected {item.path}: {item.reason}")
    if len(rejected) > _SHOWN:
        print(f"rejected: {len(rejected) - _SHOWN} more; all of them are in {DATASET_FILE}")
    total = sum(len(document["splits"][split]) for split in SPLITS)
    print(f"prepare: photos={total} rejected={len(rejected)} digest={document['digest'][:12]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dataset", type=Path, default=job.processing("input", "dataset"))
    parser.add_argument("--output", type=Path, default=job.processing("output", "prepared"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest-side", type=int, default=512, help="larger photos are reduced")
    parser.add_argument("--minimum-photos", type=int, default=10, help="per class")
    given = parser.parse_args()
    if not 64 <= given.longest_side <= 4096:
        raise job.StepError(f"longest-side = {given.longest_side}; allowed: 64 to 4096")
    if given.minimum_photos < 3:
        raise job.StepError(f"minimum-photos = {given.minimum_photos}; allowed: 3 or more")
    prepare(
        given.dataset,
        given.output,
        seed=given.seed,
        longest_side=given.longest_side,
        minimum_photos=given.minimum_photos,
    )


if __name__ == "__main__":
    job.run(main)
