# SPDX-License-Identifier: Apache-2.0
"""Prepare: check the photos of a dataset and divide them into training, validation and test.

Reads ``<dataset>/<class>/*.jpg|jpeg|png`` and, where there are any, empty views of the cameras in
``<dataset>/_background/``; writes ``<output>/<split>/<class>/*``, a report for
people (``report/index.html``) and, last, ``dataset.json``, which says what was taken, what was left
out and why. The same photos, the same seed and the same model in service give the same bytes.
"""

import argparse
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import sagemaker_job
from training.dataset import data_report, duplicates, prepared_folder
from training.dataset.compared import Compared
from training.dataset.earlier import earlier_splits
from training.dataset.listing import MINIMUM_PHOTOS, SPLITS
from training.dataset.manifest import describe, placed
from training.dataset.opening import Opened, opened
from training.dataset.origin import origin_of
from training.dataset.photos import Photo, Rejected, check
from training.dataset.prepared_folder import BACKGROUND_FOLDER, DATASET_FILE, REPORT_FOLDER
from training.dataset.sources import (
    given_splits,
    list_backgrounds,
    list_helpers,
    list_loose,
    list_sources,
    natural,
)
from training.dataset.split import Shares, divide
from training.evaluation.approved import Approved
from training.evaluation.gate_options import add_approved_options, given_approved

_SHOWN = 10


def prepare(  # noqa: PLR0913 - the options of the step
    dataset: Path,
    output: Path,
    *,
    seed: int = 0,
    longest_side: int = 512,
    minimum_photos: int = MINIMUM_PHOTOS,
    shares: Shares | None = None,
    like_bits: int = duplicates.LIKE_BITS,
    approved: Approved | None = None,
    name: str = "",
) -> dict[str, Any]:
    """Do the step; return what ``dataset.json`` says.

    ``dataset`` is in any of the forms that ``training.dataset.opening`` takes. Photos that the
    model in service (``approved``) was trained or tested with stay in the split that they were in.
    ``name`` is what the dataset is called in the model card; the folder's name without one.
    """
    with opened(dataset) as found:
        for note in found.notes:
            print(f"prepare: {note}")
        return _prepare(
            found,
            output,
            claimed=dataset,
            how=_How(seed, longest_side, minimum_photos, shares or Shares(), like_bits, approved),
            name=name or dataset.stem,
        )


@dataclass(frozen=True)
class _How:
    seed: int
    longest_side: int
    minimum_photos: int
    shares: Shares
    like_bits: int
    approved: Approved | None


def _prepare(found: Opened, output: Path, *, claimed: Path, how: _How, name: str) -> dict[str, Any]:
    dataset = found.folder
    sources = list_sources(dataset, called=found.called)
    views = list_backgrounds(dataset, called=found.called)
    splits = given_splits(dataset)
    if helpers := list_helpers(dataset):
        print(f"prepare: left out {len(helpers)} files of desktops and storage, as {helpers[0]}")
    if loose := list_loose(dataset):
        print(f"prepare: left out {len(loose)} photos in no class folder, as {loose[0]}")
    print(f"prepare: {len(sources)} files in {claimed}", flush=True)
    tick = max(1, len(sources) // 10)

    def progress(done: int) -> None:
        if done % tick == 0 or done == len(sources):
            print(f"checked={done}/{len(sources)}", flush=True)

    with prepared_folder.fresh(claimed, output) as checked:
        photos, rejected = check(
            dataset, sources, keep=checked, longest_side=how.longest_side, tick=progress
        )
        (checked / BACKGROUND_FOLDER).mkdir()
        backgrounds, unusable = check(
            dataset,
            views,
            keep=checked / BACKGROUND_FOLDER,
            longest_side=how.longest_side,
            tick=lambda _done: None,
        )
        print(f"prepare: comparing {len(photos)} photos", flush=True)
        compared = Compared(photos, backgrounds)
        same = duplicates.find(compared.photos, bits=how.like_bits, confirm=compared.same)
        contradictions = _of(photos, same.contradictory)
        rejected = _with_contradictory([*rejected, *unusable], contradictions)
        left_out = {one for group in same.contradictory for one in group}
        _require_every_class({source.class_name for source in sources}, photos, left_out)
        earlier = earlier_splits(
            how.approved, photos, say=lambda note: print(f"prepare: {note}", flush=True)
        )
        # What the dataset itself says wins.
        parts, groups = _divided(photos, left_out, same.alike, how=how, given={**earlier, **splits})
        alike = _of(photos, same.alike)
        empty = [photos[position] for position in compared.empty if position not in left_out]
        members = _of(photos, [view.members for view in compared.views])
        document = describe(
            parts,
            rejected,
            seed=how.seed,
            shares=how.shares,
            groups=groups,
            like_bits=how.like_bits,
            alike=alike,
            contradictions=contradictions,
            backgrounds=backgrounds,
            empty=empty,
            views=members,
            boxes={photos[one].path: box for one, box in compared.boxes.items()},
            given=splits,
            earlier=earlier,
            origin=origin_of(dataset, name, [photo for *_, photo in placed(parts)]),
        )
        positions = {photo.path: position for position, photo in enumerate(photos)}
        data_report.write(
            output / REPORT_FOLDER / "index.html",
            document,
            parts,
            alike=alike,
            contradictions=contradictions,
            empty=empty,
            views=members,
            item_of=lambda photo: compared.shown(positions[photo.path]),
        )
        prepared_folder.place(parts, output)
        prepared_folder.place_backgrounds(backgrounds, output)
        prepared_folder.finish(document, output)
    _summary(document, rejected)
    return document


def _of(photos: Sequence[Photo], groups: Iterable[Iterable[int]]) -> list[list[Photo]]:
    """The photos of groups of positions."""
    return [[photos[position] for position in group] for group in groups]


def _divided(
    photos: Sequence[Photo],
    left_out: set[int],
    alike: Sequence[Sequence[int]],
    *,
    how: _How,
    given: Mapping[str, str],
) -> tuple[dict[str, dict[str, list[Photo]]], dict[str, Any]]:
    """The photos that are used, by split and class; how they were dealt."""
    kept = [position for position in range(len(photos)) if position not in left_out]
    renumbered = {position: number for number, position in enumerate(kept)}
    return divide(
        [photos[position] for position in kept],
        seed=how.seed,
        minimum_photos=how.minimum_photos,
        shares=how.shares,
        alike=[[renumbered[position] for position in group] for group in alike],
        given=given,
    )


def _with_contradictory(
    rejected: Sequence[Rejected], contradictions: Sequence[Sequence[Photo]]
) -> list[Rejected]:
    """The rejected files and those whose label another photo contradicts, in natural order."""
    found = list(rejected)
    for group in contradictions:
        likeness = "the same" if len({photo.pixels for photo in group}) == 1 else "nearly the same"
        names = ", ".join(sorted({photo.class_name for photo in group}))
        reason = f"contradictory labels: {likeness} picture is in {names}"
        found.extend(Rejected(photo.path, reason) for photo in group)
    return sorted(found, key=lambda item: natural(item.path))


def _require_every_class(names: set[str], photos: Sequence[Photo], left_out: set[int]) -> None:
    used = {photo.class_name for one, photo in enumerate(photos) if one not in left_out}
    without = sorted(names - used)
    if without:
        raise sagemaker_job.StepError(
            f"class {without[0]!r}: no usable photo is left after the checks"
        )


def _summary(document: Mapping[str, Any], rejected: list[Rejected]) -> None:
    for name in document["classes"]:
        numbers = " ".join(f"{split}={document['counts'][split][name]}" for split in SPLITS)
        print(f"class={name} {numbers}")
    for item in rejected[:_SHOWN]:
        print(f"rejected {item.path}: {item.reason}")
    if len(rejected) > _SHOWN:
        print(f"rejected: {len(rejected) - _SHOWN} more; all of them are in {DATASET_FILE}")
    if document["empty"]:
        print(
            f"WARNING: {len(document['empty'])} photos show nothing but the empty view, such as "
            f"{document['empty'][0]}; move them to _background/"
        )
    if document["given_split"]:
        print("prepare: the split that the dataset brings is kept")
    if document["across"]:
        print(
            f"WARNING: {len(document['across'])} groups of copies are on two sides of the split "
            f"that the dataset brings, such as {document['across'][0]['files'][0]}: the accuracy "
            "on the test photos flatters the model"
        )
    if document["new"]:
        numbers = " ".join(f"{split}={len(document['new'][split])}" for split in SPLITS)
        print(f"prepare: new to the model in service: {numbers}")
    total = sum(len(document["splits"][split]) for split in SPLITS)
    print(
        f"prepare: photos={total} rejected={len(rejected)} "
        f"duplicates={len(document['duplicates'])} "
        f"contradictions={len(document['contradictions'])} digest={document['digest'][:12]}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--dataset", type=Path, default=sagemaker_job.processing("input", "dataset")
    )
    parser.add_argument(
        "--output", type=Path, default=sagemaker_job.processing("output", "prepared")
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest-side", type=int, default=512, help="larger photos are reduced")
    parser.add_argument("--minimum-photos", type=int, default=MINIMUM_PHOTOS, help="per class")
    parser.add_argument("--validation-share", type=float, default=Shares.validation)
    parser.add_argument("--test-share", type=float, default=Shares.test)
    parser.add_argument(
        "--like-bits",
        type=int,
        default=duplicates.LIKE_BITS,
        help="of 256, in which the fingerprints of near duplicates may differ",
    )
    parser.add_argument("--name", default="", help="of the dataset; or the key of its manifest")
    add_approved_options(parser)
    given = parser.parse_args()
    if not 64 <= given.longest_side <= 4096:
        raise sagemaker_job.StepError(f"longest-side = {given.longest_side}; allowed: 64 to 4096")
    if given.minimum_photos < 3:
        raise sagemaker_job.StepError(
            f"minimum-photos = {given.minimum_photos}; allowed: 3 or more"
        )
    if not 0 <= given.like_bits <= 64:
        raise sagemaker_job.StepError(f"like-bits = {given.like_bits}; allowed: 0 to 64")
    with tempfile.TemporaryDirectory(prefix="binsight-") as scratch:
        prepare(
            given.dataset,
            given.output,
            seed=given.seed,
            longest_side=given.longest_side,
            minimum_photos=given.minimum_photos,
            shares=Shares(validation=given.validation_share, test=given.test_share),
            like_bits=given.like_bits,
            approved=given_approved(given, Path(scratch), archive_name="model.tar.gz"),
            name=given.name.removesuffix("/manifest.json"),
        )


if __name__ == "__main__":
    sagemaker_job.run(main)
