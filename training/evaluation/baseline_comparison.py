# SPDX-License-Identifier: Apache-2.0
"""Compares the new model with the approved one on test photos that neither was trained on."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.model_archive import MODEL, ArchiveError, ModelCard, unpack_archive
from training.classifier import Classifier
from training.data import Part, load
from training.evaluation.approved import Approved
from training.evaluation.comparison import Paired, Right, paired
from training.packaging.provenance import fingerprint, unpack_fingerprints

FEWEST_PHOTOS = 30
"""Minimum unseen test photos for a comparison if the earlier model has seen the others."""


@dataclass(frozen=True, kw_only=True)
class BaselineComparison:
    """``compared`` is None if there is nothing to compare; ``note`` gives the reason in a sentence.

    ``fair`` is false if the earlier model may have been trained on the photos: then the comparison
    is shown but refuses nothing. If some photos are new to the earlier model, ``old`` compares on
    the test photos that it was tested with and ``new`` on the others; else both are None. ``same``
    is the earlier model's card if it is the measured model itself.
    """

    name: str
    compared: Paired | None
    fair: bool
    note: str
    old: Paired | None = None
    new: Paired | None = None
    same: ModelCard | None = None


class _DefectError(Exception):
    """The approved model cannot be compared; the message says why."""


def compare_with_baseline(
    approved: Approved | None,
    *,
    prepared: Path,
    test: Part,
    card: ModelCard,
    right: Right,
) -> BaselineComparison:
    """Compare. ``card`` is the new model's, ``right`` marks the test photos that it answers
    correctly.

    Defects of the approved model are reported and never raised: a broken model in service must be
    replaced.
    """
    if approved is None:
        note = "first model: none is approved yet, so there is nothing to compare with"
        return BaselineComparison(name="", compared=None, fair=True, note=note)
    try:
        if approved.archive is None:
            raise _DefectError(approved.problem)
        with tempfile.TemporaryDirectory(prefix="binsight-") as scratch:
            earlier, before = _answers(
                approved.archive, Path(scratch), prepared=prepared, test=test, labels=card.labels
            )
    except _DefectError as defect:
        note = f"not compared with the model in service, {approved.name}: {defect}"
        return BaselineComparison(name=approved.name, compared=None, fair=True, note=note)
    unseen, fair, note = _unseen(earlier, prepared, test, card.digests["dataset"])
    if not unseen.any():
        return BaselineComparison(name=approved.name, compared=None, fair=True, note=note)
    tested = _tested(earlier, prepared, test)
    old, new = unseen & tested, unseen & ~tested
    divided = fair and old.any() and new.any()
    return BaselineComparison(
        name=approved.name,
        compared=paired(before[unseen], right[unseen]),
        fair=fair,
        note=note,
        old=paired(before[old], right[old]) if divided else None,
        new=paired(before[new], right[new]) if divided else None,
        same=earlier if earlier.digests == card.digests else None,
    )


def _answers(
    archive: Path, scratch: Path, *, prepared: Path, test: Part, labels: Sequence[str]
) -> tuple[ModelCard, Right]:
    """The approved model's card, and which test photos it answers correctly."""
    try:
        card = unpack_archive(archive, scratch)
    except (ArchiveError, OSError) as error:
        raise _DefectError(f"its archive cannot be read: {error}") from error
    # Additional classes are allowed; with fewer or different ones, earlier photos have other labels
    # now.
    if not set(card.labels) <= set(labels):
        raise _DefectError(
            f"its classes are {', '.join(card.labels)}, those of the new one {', '.join(labels)}"
        )
    if card.width != card.height:
        raise _DefectError(f"its pictures are {card.width} x {card.height}, not square")
    same_size = test.pixels.shape[1] == card.width
    photos = test if same_size else load(prepared, "test", labels, size=card.width)
    try:
        answers = (
            Classifier(scratch / MODEL).answers(photos.pixels, flips=card.flips).argmax(axis=1)
        )
    except Exception as error:
        raise _DefectError(f"onnxruntime cannot run it: {error}") from error
    # Its labels may have another order.
    places = np.array([list(labels).index(name) for name in card.labels])
    right: Right = places[answers] == test.labels
    return card, right


def _tested(card: ModelCard, prepared: Path, test: Part) -> Right:
    """Which current test photos the approved model was tested with; none if its card lists none."""
    tested = unpack_fingerprints(card.held_out.get("test")) or set()
    return np.array([fingerprint(prepared / name) in tested for name in test.files], np.bool_)


def _unseen(
    card: ModelCard, prepared: Path, test: Part, dataset_digest: str
) -> tuple[Right, bool, str]:
    """Which test photos the approved model has not seen, whether that is certain, and a note."""
    everything = np.ones(len(test.files), np.bool_)
    if card.digests.get("dataset") == dataset_digest:
        return everything, True, ""
    seen = unpack_fingerprints(card.seen)
    if seen is None:
        note = (
            "the model in service was trained on another split, and its card does not list the "
            "photos: it may have been trained on some of the current test photos"
        )
        return everything, False, note
    unseen = np.array([fingerprint(prepared / name) not in seen for name in test.files], np.bool_)
    count = int(unseen.sum())
    if count == len(unseen):
        return unseen, True, ""
    learned = (
        f"the model in service was trained on {len(unseen) - count} of the current test photos"
    )
    if count < FEWEST_PHOTOS:
        return ~everything, True, f"not compared: {learned}; only {count} others are left"
    return unseen, True, f"{learned}; the two are compared on the other {count}"
