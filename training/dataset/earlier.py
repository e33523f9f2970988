# SPDX-License-Identifier: Apache-2.0
"""The split that the model in service was trained with, so that the next one keeps it.

A test photo of then must not be learned from now: the accuracy on it would say nothing, and the two
models could not be compared on it.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from contracts.model_archive import ArchiveError, ModelCard, unpack_archive
from training.dataset.photos import Photo
from training.evaluation.approved import Approved
from training.packaging.provenance import fingerprint, unpack_fingerprints


def earlier_splits(
    approved: Approved | None, photos: Sequence[Photo], *, say: Callable[[str], None]
) -> dict[str, str]:
    """The split by path of each photo that the model in service was trained or tested with.

    Empty where there is none, or where its archive does not say; ``say`` is told which.
    """
    if approved is None:
        return {}
    card = _card(approved, say)
    if card is None:
        return {}
    splits = {
        "train": unpack_fingerprints(card.seen),
        **{name: unpack_fingerprints(card.held_out.get(name)) for name in ("validation", "test")},
    }
    if None in splits.values():
        say(f"the model in service, {approved.name}, does not say how its photos were divided")
        return {}
    # The last one counts: what validation saw is among what training saw.
    found = {print_: split for split, prints in splits.items() for print_ in prints or ()}
    known = ((photo.path, found.get(fingerprint(photo.stored))) for photo in photos)
    kept = {path: split for path, split in known if split}
    say(
        f"{len(kept)} photos stay in the split of the model in service, {approved.name}; "
        f"{len(photos) - len(kept)} are new to it"
    )
    return kept


def _card(approved: Approved, say: Callable[[str], None]) -> ModelCard | None:
    problem = approved.problem
    if approved.archive is not None:
        try:
            with tempfile.TemporaryDirectory(prefix="binsight-") as scratch:
                return unpack_archive(approved.archive, Path(scratch))
        except (ArchiveError, OSError) as error:
            problem = f"its archive cannot be read: {error}"
    say(f"WARNING: the split of the model in service, {approved.name}, is not kept: {problem}")
    return None
